/** Cache directives: grammar, defaults and what is read of a field that is malformed. */
import * as fc from 'fast-check';

import {
  type Directives,
  parseCacheControl as parse,
  targetedDirectives,
} from '../src/cache-control.ts';

const NOTHING: Directives = {
  maxAgeSeconds: undefined,
  sMaxageSeconds: undefined,
  staleWhileRevalidateSeconds: undefined,
  staleIfErrorSeconds: undefined,
  minFreshSeconds: undefined,
  maxStaleSeconds: undefined,
  noStore: false,
  noCache: undefined,
  private: undefined,
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  noTransform: false,
  immutable: false,
  onlyIfCached: false,
  invalid: false,
};
/** A header as long as quadratic work would not be done with in a test's time. */
const LONG = 200_000;

const DURATIONS: readonly (readonly [string, keyof Directives])[] = [
  ['max-age', 'maxAgeSeconds'],
  ['s-maxage', 'sMaxageSeconds'],
  ['stale-while-revalidate', 'staleWhileRevalidateSeconds'],
  ['stale-if-error', 'staleIfErrorSeconds'],
  ['min-fresh', 'minFreshSeconds'],
  ['max-stale', 'maxStaleSeconds'],
];
const FLAGS: readonly (readonly [string, keyof Directives])[] = [
  ['no-store', 'noStore'],
  ['public', 'public'],
  ['must-revalidate', 'mustRevalidate'],
  ['proxy-revalidate', 'proxyRevalidate'],
  ['must-understand', 'mustUnderstand'],
  ['no-transform', 'noTransform'],
  ['immutable', 'immutable'],
  ['only-if-cached', 'onlyIfCached'],
];

describe('Cache-Control (RFC 9111 §5.2)', () => {
  test.each([[undefined], [''], [' '], [','], [', ,\t,'], [[]], [['', '']]])(
    '%j says nothing',
    (field) => {
      expect(parse(field)).toEqual(NOTHING);
    },
  );

  test.each(FLAGS)('%s is read', (name, member) => {
    expect(parse(name)).toEqual({ ...NOTHING, [member]: true });
  });

  test.each(DURATIONS)('%s is read, as a token and as a quoted string', (name, member) => {
    expect(parse(`${name}=60`)).toEqual({ ...NOTHING, [member]: 60 });
    expect(parse(`${name}="60"`)).toEqual({ ...NOTHING, [member]: 60 });
    expect(parse(`${name}="6\\0"`)).toEqual({ ...NOTHING, [member]: 60 });
  });

  test('§5.2: names have no case, and unknown directives are passed over', () => {
    expect(parse('Max-Age=5, NO-STORE, community="UCI", x, y=z')).toEqual({
      ...NOTHING,
      maxAgeSeconds: 5,
      noStore: true,
    });
  });

  test('§1.2.2: a number that is too large is 2^31', () => {
    expect(parse('max-age=2147483648').maxAgeSeconds).toBe(2 ** 31);
    expect(parse('max-age=2147483649').maxAgeSeconds).toBe(2 ** 31);
    expect(parse(`max-age=${'9'.repeat(400)}`).maxAgeSeconds).toBe(2 ** 31);
    expect(parse('max-age=0000000000005').maxAgeSeconds).toBe(5);
  });

  test.each([
    'max-age',
    'max-age=',
    'max-age=""',
    'max-age=-1',
    'max-age=+1',
    'max-age=1.5',
    'max-age=10abc',
    'max-age=1e3',
    'max-age=0x10',
    "max-age='10'",
    'max-age=" 10"',
    'max-age="10',
    'max-age=10"',
    'max-age="10"0',
    'max-age =5',
    'max-age= 5',
    'max-age=10 20',
    'max-age=10;20',
    'max-age=10\u00a0',
    'max-age=\u0661',
    'max-age:10',
    'max-age==10',
  ])('§4.2.1: %j is stale', (field) => {
    const read = parse(field);
    expect(read.maxAgeSeconds).toBe(0);
    expect(read.invalid).toBe(true);
    expect(parse(field.replace('max-age', 's-maxage')).sMaxageSeconds).toBe(0);
  });

  test('§4.2.1: of duplicates the strictest counts, in either order and over lines', () => {
    expect(parse('max-age=10, max-age=5').maxAgeSeconds).toBe(5);
    expect(parse('max-age=5, max-age=10').maxAgeSeconds).toBe(5);
    expect(parse(['max-age=10', 'max-age=5']).maxAgeSeconds).toBe(5);
    expect(parse('max-age=10, max-age=x').maxAgeSeconds).toBe(0);
    expect(parse('min-fresh=10, min-fresh=5').minFreshSeconds).toBe(10);
    expect(parse('max-stale, max-stale=5').maxStaleSeconds).toBe(5);
  });

  test('§5.2.1.2: max-stale without an argument takes any age; with one that is none, no age', () => {
    expect(parse('max-stale').maxStaleSeconds).toBe(Number.POSITIVE_INFINITY);
    expect(parse('max-stale=x').maxStaleSeconds).toBe(0);
    expect(parse('max-stale=').maxStaleSeconds).toBe(0);
  });

  test.each([
    ['no-cache', 'noCache'],
    ['private', 'private'],
  ] as const)('§5.2.2: %s is about all, or about some fields', (name, member) => {
    const read = (field: string) => parse(field)[member];
    expect(read(name)).toBe(true);
    expect(read(`${name}="Set-Cookie"`)).toEqual(['set-cookie']);
    expect(read(`${name}="X-A, x-b ,,X-C"`)).toEqual(['x-a', 'x-b', 'x-c']);
    expect(read(`${name}=X-A`)).toEqual(['x-a']);
    expect(read(`${name}="x-a", ${name}="x-b"`)).toEqual(['x-a', 'x-b']);
    expect(read(`${name}="x-a", ${name}`)).toBe(true);
    expect(read(`${name}, ${name}="x-a"`)).toBe(true);
  });

  test.each(['=""', '=" , "', '="a b"', '="a', '=', ' = "a"', ' a'])(
    '§5.2.2: no-cache%s names no fields, and is about all',
    (argument) => {
      expect(parse(`no-cache${argument}`).noCache).toBe(true);
      expect(parse(`private${argument}`).private).toBe(true);
    },
  );

  test('§5.2: what stands in a quoted string is no directive', () => {
    expect(parse('x="no-store, max-age=5", public')).toEqual({ ...NOTHING, public: true });
    expect(parse('x="a\\", no-store, \\"b", max-age=5')).toEqual({ ...NOTHING, maxAgeSeconds: 5 });
    expect(parse('a=b "x, public, max-age=9"')).toEqual({ ...NOTHING, invalid: true });
    expect(parse('"max-age=5"')).toEqual({ ...NOTHING, invalid: true });
  });

  test('behind a quote that is never closed restrictions count, and permissions do not', () => {
    const read = parse('max-age=60, x="y, public, no-store, max-age=90, must-understand, private');
    expect(read).toEqual({
      ...NOTHING,
      maxAgeSeconds: 0,
      noStore: true,
      private: true,
      invalid: true,
    });
    expect(parse(['x="y', 'public']).public).toBe(true);
  });

  test('restrictions count however they are written; permissions only as they should be', () => {
    for (const written of [
      'no-store=1',
      'no-store =x',
      'no-store;a',
      'no-store a',
      ' no-store="',
    ]) {
      expect(parse(written).noStore).toBe(true);
    }
    for (const written of ['=1', ' =x', ';a', ' a', '="']) {
      expect(parse(`public${written}`)).toEqual({ ...NOTHING, invalid: true });
      expect(parse(`must-understand${written}`).mustUnderstand).toBe(false);
      expect(parse(`immutable${written}`).immutable).toBe(false);
    }
  });

  test.each([
    'public private',
    'no-transform; private',
    'x=y no-store',
    'max-age=60;no-store',
    'x "y" must-revalidate',
    'x=y; No-Cache="set-cookie"',
  ])('where a comma is missing, in %j, restrictions count', (field) => {
    const { noStore, noCache, private: own, mustRevalidate, public: shared } = parse(field);
    expect([noStore, noCache, own, mustRevalidate]).toContain(true);
    expect(shared).toBe(false);
    expect(parse(field.replace(/private|no-store|must-revalidate|No-Cache/, 'y'))).toMatchObject({
      noStore: false,
      noCache: undefined,
      private: undefined,
      mustRevalidate: false,
    });
  });

  test('no-store counts whatever stands beside it', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom('"', '\\', ',', '=', ' ', 'a', ';', '\t') }),
    );
    fc.assert(
      fc.property(text, (beside) => {
        expect(parse(`${beside},no-store`).noStore).toBe(true);
        expect(parse(`no-store,${beside}`).noStore).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('§5.2: however it is spelled, quoted and spaced, it says the same', () => {
    const blank = fc.constantFrom('', ' ', '\t', ' \t ');
    const cased = (name: string) =>
      fc
        .infiniteStream(fc.boolean())
        .map((upper) =>
          Array.from(name, (sign) =>
            upper.next().value === true ? sign.toUpperCase() : sign,
          ).join(''),
        );
    const flag = fc
      .constantFrom(...FLAGS)
      .chain(([name, member]) => fc.record({ text: cased(name), member: fc.constant(member) }))
      .map(({ text, member }) => ({ text, member, value: true as boolean | number }));
    const duration = fc
      .constantFrom(...DURATIONS)
      .chain(([name, member]) =>
        fc.record({
          name: cased(name),
          member: fc.constant(member),
          value: fc.nat(),
          quote: fc.constantFrom('', '"'),
        }),
      )
      .map(({ name, member, value, quote }) => ({
        text: `${name}=${quote}${value}${quote}`,
        member,
        value: value as boolean | number,
      }));
    const members = fc.uniqueArray(fc.oneof(flag, duration), { selector: ({ member }) => member });
    fc.assert(
      fc.property(members, blank, blank, (all, before, behind) => {
        const field = all.map(({ text }) => before + text + behind).join(',');
        const expected = Object.fromEntries(all.map(({ member, value }) => [member, value]));
        expect(parse(field)).toEqual({ ...NOTHING, ...expected });
      }),
    );
  });

  test.each(['"', '\\"', '"\\', 'a="', ' ', ',', 'a', '=', 'a=1 ', '"a",', 'no-cache="x'])(
    'a long row of %j is read in good time',
    (part) => {
      expect(parse(part.repeat(LONG / part.length)).public).toBe(false);
    },
  );
});

describe('a targeted field (RFC 9213)', () => {
  test.each([[undefined], [''], [' '], ['max-age=60,'], ['Max-Age=60'], ['max-age=60;'], ['a b']])(
    '§2.1: %j is as if it were not there',
    (field) => {
      expect(targetedDirectives(field)).toBeUndefined();
    },
  );

  test('§2.1: members are read, and unknown ones and parameters are not', () => {
    expect(
      targetedDirectives('max-age=60;a=b, public, must-revalidate=?1, foo=(1 2), bar'),
    ).toEqual({ ...NOTHING, maxAgeSeconds: 60, public: true, mustRevalidate: true });
    expect(targetedDirectives('foo')).toEqual(NOTHING);
  });

  test.each(['max-age', 'max-age=?1', 'max-age="60"', 'max-age=a', 'max-age=1.5', 'max-age=(60)'])(
    '§2.1: %s is not of the type Integer, and is ignored',
    (field) => {
      expect(targetedDirectives(field)).toEqual(NOTHING);
    },
  );

  test('§2.1: a Decimal is not taken for an Integer, whatever its value is', () => {
    expect(targetedDirectives('max-age=60.0')).toEqual(NOTHING);
    expect(targetedDirectives('public,\tmax-age=60.0')).toEqual({ ...NOTHING, public: true });
    expect(targetedDirectives('x=", max-age=60.0", max-age=5')?.maxAgeSeconds).toBe(5);
    expect(targetedDirectives('x=1.5, max-age=5')?.maxAgeSeconds).toBe(5);
  });

  test('§2.1: an Integer that is no delta-seconds is stale, and a large one is 2^31', () => {
    expect(targetedDirectives('max-age=-1')?.maxAgeSeconds).toBe(0);
    expect(targetedDirectives('max-age=999999999999999')?.maxAgeSeconds).toBe(2 ** 31);
  });

  test('§2.1: a directive without an argument is a Boolean', () => {
    expect(
      targetedDirectives('no-store=?0, public=1, no-transform="a", must-revalidate=a'),
    ).toEqual(NOTHING);
  });

  test('§2.1: no-cache and private are a Boolean or a String of field names', () => {
    expect(targetedDirectives('no-cache, private="X-A, x-b"')).toEqual({
      ...NOTHING,
      noCache: true,
      private: ['x-a', 'x-b'],
    });
    expect(targetedDirectives('private=""')?.private).toBe(true);
    expect(targetedDirectives('private=?0, no-cache=5')).toEqual(NOTHING);
  });

  test('RFC 8941 §3.2: of equal members the last one counts', () => {
    expect(targetedDirectives('max-age=5, max-age=60')?.maxAgeSeconds).toBe(60);
  });

  test('any text is read without an error', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => targetedDirectives(text)).not.toThrow();
      }),
    );
  });
});
