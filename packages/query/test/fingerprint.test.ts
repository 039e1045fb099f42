/** Forms of statements: what differs in values only is the same, and no value is left. */
import * as fc from 'fast-check';

import { fingerprint, plannable } from '../src/fingerprint.ts';

test.each([
  ['select * from t where id = 42', 'select * from t where id = ?'],
  ['select  *\n from t -- of all\n where id = $1', 'select * from t where id = ?'],
  ["select 'it''s', E'a\\'b', $$x$$, $tag$ $$ $tag$, U&'\\0061'", 'select ?, ?, ?, ?, ?'],
  ['select * from t where id in ($1, $2, $3)', 'select * from t where id in (?)'],
  ['insert into t (a, b) values ($1, $2), ($3, $4)', 'insert into t (a, b) values (?)'],
  ['insert into t values (default, $1), (default, $2)', 'insert into t values (default, ?)'],
  ['values ($1::int, now()), ($2::int, now())', 'values (?::int, now())'],
  ['select * from t where id in ($1::int, $2::int)', 'select * from t where id in (?::int)'],
  ['select array[1, 2, 3], array[ $1 ]', 'select array[?], array[?]'],
  ['select f(a, $1, $2), coalesce(b, 0)', 'select f(a, ?, ?), coalesce(b, ?)'],
  ['select $größe$secret$größe$', 'select ?'],
  [
    'select t1.c2, "3" from t1 limit 10 offset 1.5e-3',
    'select t1.c2, "3" from t1 limit ? offset ?',
  ],
  ["select a::int, /* 'x' */ b from t where s like '%'", 'select a::int, b from t where s like ?'],
  ["select 'unfinished", 'select ?'],
  ['', ''],
])('%j', (text, form) => {
  expect(fingerprint(text)).toBe(form);
});

/** What has a meaning in SQL, more often than not. */
const character = fc.oneof(
  fc.constantFrom("'", '"', '\\', '$', '-', '*', '/', '(', ')', '?', '\n', '\0', 'E', 'a', '1'),
  fc.integer({ min: 0, max: 0x10_ffff }).map((code) => String.fromCodePoint(code)),
);

test('nothing of a literal is left, whatever it is', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: character, maxLength: 40 }),
      fc.integer({ min: 0 }),
      (text, number) => {
        const doubled = text.replaceAll("'", "''");
        for (const literal of [
          `'${doubled}'`,
          `E'${doubled.replaceAll('\\', '\\\\')}'`,
          `$of$${text.replaceAll('$', '')}$of$`,
        ]) {
          expect(fingerprint(`select * from t where a = ${literal} and b = ${number}`)).toBe(
            'select * from t where a = ? and b = ?',
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('is of one form however long its lists are, and has a longest', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (numbers) => {
      const list = numbers.map((_, at) => `$${at + 1}`).join(', ');
      expect(fingerprint(`delete from t where id in (${list})`)).toBe(
        'delete from t where id in (?)',
      );
    }),
  );
  expect(fingerprint(`select ${'a, '.repeat(5000)}`)).toHaveLength(2001);
});

test('reads anything in time that grows with its length', () => {
  for (const hostile of [
    "'".repeat(50_001),
    '$'.repeat(50_000),
    '/*'.repeat(25_000),
    '(?'.repeat(25_000),
    '"'.repeat(50_001),
    `$a${'$b'.repeat(25_000)}`,
    '(a,'.repeat(10_000),
    `(${'(a)'.repeat(10_000)}`,
    `(${'1::a.b,'.repeat(10_000)}`,
  ]) {
    expect(fingerprint(hostile).length).toBeLessThanOrEqual(2001);
  }
});

test.each([
  [
    "select * from t where a = $1 and b = 'x' limit 3;",
    'select * from t where a = $1 and b = $2 limit $3',
    3,
  ],
  ["select now() - interval '1 day'", 'select now() - $1::interval', 1],
  ['select ";" from t', 'select ";" from t', 0],
])('%j is planned without a value', (text, planned, parameters) => {
  expect(plannable(text)).toEqual({ text: planned, parameters });
});

test.each(['select 1; drop table t', 'begin', 'set a = 1', 'explain select 1', ''])(
  '%j has no plan',
  (text) => {
    expect(plannable(text)).toBeUndefined();
  },
);
