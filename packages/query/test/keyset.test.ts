/** Pages of random rows, on both databases: joined they are the whole list, whatever happens between them. */
import * as fc from 'fast-check';
import { hasCode } from '@org/core';
import { keyset, type Keyset, type OrderColumn, type Page } from '@org/query';

import { type Database, onBothDatabases } from './databases.ts';

const SECRET = 'a secret of tests';

interface Row {
  readonly id: string | number | bigint;
  readonly [column: string]: unknown;
}

/** How the server puts NULLs is said in full: what is compared is the server's own order. */
const COLUMNS = [
  'rank',
  'made_at',
  'local_at',
  'price',
  'name',
  'share',
  'big',
  'tag',
  'doc',
] as const;

const column: fc.Arbitrary<OrderColumn> = fc.record({
  column: fc.constantFrom(...COLUMNS, 'sure'),
  direction: fc.constantFrom('asc', 'desc', undefined),
  nulls: fc.constantFrom('first', 'last', undefined),
});
const order = fc.uniqueArray(column, { selector: (one) => one.column, maxLength: 4 });

/** Few values of each, so that there are many ties, some of them a microsecond apart. */
const micros = fc
  .constantFrom('000000', '000001', '000002', '123456', '123457', '999999')
  .map((part) => `2026-03-29 01:59:59.${part}`);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { freq: 2 });
const row = fc.record({
  rank: maybe(fc.integer({ min: -1, max: 2 })),
  made_at: maybe(micros.map((text) => `${text}+00`)),
  local_at: maybe(micros),
  price: maybe(
    fc.constantFrom(
      '0.1',
      '0.10',
      '12345678901234567890.000001',
      '12345678901234567890.000002',
      'NaN',
    ),
  ),
  name: maybe(fc.constantFrom('', 'a', 'B', 'ä', "o'b", 'a"b', '\\', '😀')),
  share: maybe(fc.constantFrom('0.1', '0.30000000000000004', '1e300', 'Infinity', '-0', '0')),
  big: maybe(fc.constantFrom('9007199254740993', '9007199254740992', '-9223372036854775808')),
  tag: maybe(fc.constantFrom('low', 'mid', 'high')),
  doc: maybe(fc.constantFrom<unknown>(1, '1', '', 'a', '"a"', 'null', true, { a: 1 }, ['1', null])),
  sure: fc.integer({ min: 0, max: 1 }),
});
const rows = fc.array(row, { maxLength: 25 });

onBothDatabases('keyset pagination', (database) => {
  beforeAll(async () => {
    await database().query(`
      create type tag as enum ('low', 'mid', 'high');
      create table things (
        id bigint generated always as identity primary key,
        rank int, made_at timestamptz, local_at timestamp, price numeric, name text,
        share float8, big bigint, tag tag, doc jsonb, sure int not null, kept boolean not null default true
      )`);
  });
  afterEach(() => database().query('truncate things'));

  test('pages joined are the whole list, forwards and backwards', async () => {
    await fc.assert(
      fc.asyncProperty(
        rows,
        order,
        fc.integer({ min: 1, max: 7 }),
        async (given, orderBy, limit) => {
          await fill(database(), given);
          const things = keyset({ orderBy, secret: SECRET });
          const expected = await all(database(), things);
          expect(ids(await forwards(database(), things, limit))).toEqual(expected);
          expect(ids(await backwards(database(), things, limit))).toEqual(expected);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('rows that come and go between pages cost no other its place', async () => {
    await fc.assert(
      fc.asyncProperty(
        rows,
        rows,
        order,
        fc.integer({ min: 1, max: 4 }),
        async (given, others, orderBy, limit) => {
          await fill(database(), given);
          await fill(database(), others, false);
          const things = keyset({ orderBy, secret: SECRET });
          let page = 0;
          const disturb = async (): Promise<void> => {
            const gone = ++page % 2 === 0 ? 'id % 2 = 0' : 'id % 3 = 0';
            await database().query(`delete from things where not kept and ${gone}`, []);
            if (page < 4) await insert(database(), others.slice(0, 3), false);
          };
          const walked = await forwards(database(), things, limit, disturb);
          const kept = walked.filter((one) => one.kept === true);
          const expected = await all(database(), things, 'where kept');
          expect(ids(kept)).toEqual(expected);
          expect(new Set(ids(walked)).size).toBe(walked.length);
          const back = await backwards(database(), things, limit, disturb);
          expect(ids(back.filter((one) => one.kept === true))).toEqual(expected);
          expect(new Set(ids(back)).size).toBe(back.length);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('a page knows the way back to the one that it came from', async () => {
    await fill(
      database(),
      Array.from({ length: 7 }, (_, at) => plain({ rank: at % 2 })),
    );
    const things = keyset({ orderBy: [{ column: 'rank', direction: 'desc' }], secret: SECRET });
    const first = await read(database(), things, { limit: 3 });
    const second = await read(database(), things, { limit: 3, after: first.next });
    const again = await read(database(), things, { limit: 3, before: second.previous });
    expect(first.previous).toBeNull();
    expect(ids(again.items)).toEqual(ids(first.items));
    expect(again.previous).toBeNull();
    const onwards = await read(database(), things, { limit: 3, after: again.next });
    expect(ids(onwards.items)).toEqual(ids(second.items));
  });

  test('what is null in JSON is a value like others, and no NULL', async () => {
    const docs = [1, null, 'null', 2].map((doc) => plain({ doc: { doc } }));
    await fill(database(), docs);
    await database().query("update things set doc = doc -> 'doc'", []);
    for (const nulls of ['none', 'last'] as const) {
      const things = keyset({ orderBy: [{ column: 'doc', nulls }], secret: SECRET });
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(ids(await forwards(database(), things, 1))).toEqual(await all(database(), things));
    }
  });

  test('microseconds hold where a session writes and reads times in its own way', async () => {
    await fill(database(), [
      plain({ made_at: '2026-02-01 00:00:00.000001+00' }),
      plain({ made_at: '2026-02-01 00:00:00.000002+00' }),
      plain({ made_at: '2026-01-02 00:00:00.000003+00' }),
    ]);
    const things = keyset({ orderBy: [{ column: 'made_at' }], secret: SECRET });
    const first = await read(database(), things, { limit: 2 });
    const { where, values } = things.seek({ after: first.next });
    // One connection or one process: what is set holds for the statement that follows in the same text.
    const text = inlined(where, values);
    const { rows: found } = await last(
      database(),
      `set datestyle = 'SQL, DMY'; set timezone = 'Asia/Kathmandu'; select id from things where ${text}`,
    );
    await database().query("set datestyle = 'ISO, MDY'; set timezone = 'UTC'");
    expect(found).toHaveLength(1);
  });

  test('values of the statement come first, and a list may have a scope', async () => {
    await fill(database(), [plain({ rank: 1 }), plain({ rank: 1 }), plain({ rank: 2 })]);
    const things = keyset({ secret: SECRET });
    const of = async (after?: unknown): Promise<Page<object>> => {
      const seek = things.seek({ after, limit: 1, scope: 'rank 1', values: [1] });
      const { rows: found } = await database().query(
        `select id, ${seek.position} from things
         where rank = $1 and ${seek.where} order by ${seek.orderBy} limit ${seek.limit}`,
        seek.values,
      );
      return seek.page(found);
    };
    const first = await of();
    const second = await of(first.next);
    expect([second.items.length, second.next]).toEqual([1, null]);
    expect(() => things.seek({ after: first.next, scope: 'rank 2' })).toThrow('of another list');
  });

  test('a boolean is compared where its type is said', async () => {
    await fill(database(), [plain({}), plain({})]);
    await insert(database(), [plain({})], false);
    const things = keyset({
      orderBy: [{ column: 'kept', nulls: 'none', type: 'boolean' }],
      secret: SECRET,
    });
    const expected = await all(database(), things);
    expect(ids(await forwards(database(), things, 1))).toEqual(expected);
  });

  test('an order of one direction without NULLs is answered from an index, wherever the page begins', async () => {
    await database().query('create index if not exists things_sure on things (sure, id)');
    await fill(database(), [plain({}), plain({})]);
    const things = keyset({ orderBy: [{ column: 'sure', nulls: 'none' }], secret: SECRET });
    const { next } = await read(database(), things, { limit: 1 });
    const seek = things.seek({ after: next });
    const text = inlined(seek.where, seek.values);
    const { rows: plan } = await last(
      database(),
      `set enable_seqscan = off; set enable_bitmapscan = off; explain select id from things where ${text} order by ${seek.orderBy}`,
    );
    await database().query('set enable_seqscan = on; set enable_bitmapscan = on');
    const lines = plan.map((line) => Object.values(line)[0] as string).join('\n');
    expect(lines).toMatch(/Index Cond: \(ROW\(sure, id\) > ROW\(/);
    expect(lines).not.toMatch(/Sort/);
  });
});

describe('a keyset', () => {
  test('adds a tie-breaker in the direction of its neighbour, and none where the key is in the order', () => {
    const orderOf = (orderBy: readonly OrderColumn[], key?: string | string[]): string =>
      keyset({ orderBy, key, secret: SECRET }).seek().orderBy;
    expect(orderOf([])).toBe('"id" asc');
    expect(orderOf([{ column: 'a', direction: 'desc' }])).toBe('"a" desc nulls first, "id" desc');
    expect(orderOf([{ column: 'a', nulls: 'none' }])).toBe('"a" asc, "id" asc');
    expect(orderOf([{ column: 'id', direction: 'desc' }, { column: 'a' }])).toBe('"id" desc');
    expect(orderOf([{ column: 't.a' }], ['t.b', 't.c'])).toBe(
      '"t"."a" asc nulls last, "t"."b" asc, "t"."c" asc',
    );
  });

  test('quotes names, so that they are names whatever is in them', () => {
    expect(keyset({ key: 'a"; drop table x --', secret: SECRET }).seek().orderBy).toBe(
      '"a""; drop table x --" asc',
    );
  });

  test('needs a secret, and says what is wrong with an order', () => {
    expect(() => keyset()).toThrow('keyset: option "secret" is needed');
    expect(() => keyset({ secret: 'short' })).toThrow('at least 16 characters');
    expect(() => keyset({ secret: [] })).toThrow('keyset: option "secret" must be');
    expect(() => keyset({ secret: SECRET, orderBy: [{ column: 'a' }, { column: 'a' }] })).toThrow(
      'stands twice',
    );
    expect(() =>
      keyset({ secret: SECRET, orderBy: [{ column: 'a', direction: 'up' as never }] }),
    ).toThrow('option "direction" must be one of "asc", "desc", but is "up"');
    expect(() => keyset({ secret: SECRET }).seek({ limit: 0 })).toThrow('"limit" must be');
    expect(() => keyset({ secret: SECRET, orderby: [] } as never)).toThrow(
      'did you mean "orderBy"?',
    );
  });

  test('wants its places in the rows, and no NULL where there is none', () => {
    const seek = keyset({ secret: SECRET }).seek({ limit: 1 });
    expect(() => seek.page([{ id: 1 }, { id: 2 }])).toThrow('select seek.position');
    expect(() => seek.page([{ keyset_position: [null] }, {}])).toThrow('A row has NULL in "id"');
    // Some drivers leave JSON as it is.
    expect(seek.page([{ id: 1, keyset_position: '["1"]' }])).toEqual({
      items: [{ id: 1 }],
      next: null,
      previous: null,
    });
  });
});

describe('a cursor', () => {
  const made = keyset({ orderBy: [{ column: 'name' }], secret: SECRET });
  const cursorOf = (
    from: Keyset,
    place: readonly (string | null)[] = ['Ann', '7'],
    scope?: string,
  ): string => from.seek({ limit: 1, scope }).page([{ keyset_position: place }, {}]).next!;
  const refused = (from: Keyset, after: unknown): string => {
    try {
      from.seek({ after });
    } catch (error) {
      if (hasCode(error, 'ERR_CURSOR_INVALID')) {
        expect((error as { status?: number }).status).toBe(400);
        return (error as Error).message;
      }
      throw error;
    }
    return 'taken';
  };

  test('brings back what it was made of, exactly', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 50 }),
        fc.string({ maxLength: 20 }),
        (name, scope) => {
          const { values } = made.seek({ after: cursorOf(made, [name, '7'], scope), scope });
          expect(values).toEqual([name, name, '7']);
        },
      ),
    );
  });

  test('is refused when anything of it has been changed', () => {
    const cursor = cursorOf(made);
    fc.assert(
      fc.property(
        fc.nat(cursor.length - 1),
        fc.constantFrom('A', 'Z', 'a', 'z', '0', '9', '-', '_'),
        (at, by) => {
          const forged = cursor.slice(0, at) + by + cursor.slice(at + 1);
          expect(refused(made, forged)).toMatch(forged === cursor ? 'taken' : /^The cursor /);
        },
      ),
    );
  });

  test('has one text: what its last character has to spare is refused, too', () => {
    const cursor = cursorOf(made);
    // Of 32 bytes the last character carries four bits of six.
    expect(Buffer.from(cursor, 'base64url')).toHaveLength(32);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const taken = letters.split('').filter((letter) => {
      return refused(made, cursor.slice(0, -1) + letter) === 'taken';
    });
    expect(taken).toEqual([cursor.at(-1)]);
  });

  test('of a version that is no more says so', () => {
    const bytes = Buffer.from(cursorOf(made), 'base64url');
    bytes[0] = 9;
    expect(refused(made, bytes.toString('base64url'))).toContain(
      'a form that is not used any more',
    );
  });

  test('takes no text of a scope for values', () => {
    const bytes = Buffer.from(cursorOf(made, ['Ann', '7'], 'scope'), 'base64url');
    const shifted = Buffer.concat([
      bytes.subarray(0, 21),
      Buffer.from('scope'),
      bytes.subarray(21),
    ]);
    expect(refused(made, shifted.toString('base64url'))).toContain('not one of ours');
  });

  test.each<[unknown]>([
    [''],
    [7],
    [null],
    [['a']],
    ['%%%'],
    ['a'],
    ['a'.repeat(3000)],
    [{}],
    ['AQ=='],
  ])('is not %j', (what) => {
    expect(refused(made, what)).toContain('is no cursor');
  });

  test('is one of its order', () => {
    const other = keyset({ orderBy: [{ column: 'name', direction: 'desc' }], secret: SECRET });
    expect(refused(other, cursorOf(made))).toContain('of another order');
  });

  test('outlives a change of the secret as long as the old one is believed', () => {
    const orderBy = [{ column: 'name' }];
    const renewed = keyset({ orderBy, secret: ['another secret of tests', SECRET] });
    const later = keyset({ orderBy, secret: 'another secret of tests' });
    expect(refused(renewed, cursorOf(made))).toBe('taken');
    expect(refused(later, cursorOf(made))).toContain('outdated');
    expect(refused(later, cursorOf(renewed))).toBe('taken');
  });

  test('goes one way', () => {
    const cursor = cursorOf(made);
    expect(() => made.seek({ after: cursor, before: cursor })).toThrow('exclude each other');
  });

  test('has a longest, for what is written as for what is read', () => {
    expect(() => cursorOf(made, ['x'.repeat(3000), '7'])).toThrow(
      expect.objectContaining({ code: 'ERR_CURSOR_TOO_LONG', status: 500 }),
    );
  });
});

function plain(some: Partial<Record<(typeof COLUMNS)[number], unknown>>) {
  return {
    rank: null,
    made_at: null,
    local_at: null,
    price: null,
    name: null,
    share: null,
    big: null,
    tag: null,
    doc: null,
    sure: 0,
    ...some,
  };
}

async function fill(database: Database, given: readonly object[], kept = true): Promise<void> {
  if (kept) await database.query('truncate things');
  await insert(database, given, kept);
}

async function insert(database: Database, given: readonly object[], kept: boolean): Promise<void> {
  if (given.length === 0) return;
  await database.query(
    `insert into things (${COLUMNS.join(', ')}, sure, kept)
     select ${COLUMNS.join(', ')}, sure, $2::boolean from json_populate_recordset(null::things, $1::text::json)`,
    [JSON.stringify(given), kept],
  );
}

/** The whole list as the server orders it. */
async function all(database: Database, things: Keyset, where = ''): Promise<string[]> {
  const { rows: found } = await database.query<Row>(
    `select id from things ${where} order by ${things.seek().orderBy}`,
    [],
  );
  return ids(found);
}

async function read(
  database: Database,
  things: Keyset,
  where: { readonly limit: number; readonly after?: unknown; readonly before?: unknown },
): Promise<Page<Row>> {
  const seek = things.seek(where);
  const { rows: found } = await database.query<Row>(
    `select id, kept, ${seek.position} from things where ${seek.where} order by ${seek.orderBy} limit ${seek.limit}`,
    seek.values,
  );
  return seek.page(found) as Page<Row>;
}

async function forwards(
  database: Database,
  things: Keyset,
  limit: number,
  between = async (): Promise<void> => undefined,
): Promise<Row[]> {
  const walked: Row[] = [];
  for (let after: string | null | undefined; after !== null;) {
    // oxlint-disable-next-line no-await-in-loop -- one page after the other
    const page: Page<Row> = await read(database, things, { limit, after });
    walked.push(...page.items);
    after = page.next;
    // oxlint-disable-next-line no-await-in-loop
    await between();
    if (walked.length > 1000) throw new Error('it has no end');
  }
  return walked;
}

/** From behind the last row to the first. */
async function backwards(
  database: Database,
  things: Keyset,
  limit: number,
  between?: () => Promise<void>,
): Promise<Row[]> {
  const { items, previous } = await lastPage(database, things);
  const walked = [...items];
  for (let before = previous; before !== null;) {
    // oxlint-disable-next-line no-await-in-loop -- one page after the other
    const page = await read(database, things, { limit, before });
    walked.unshift(...page.items);
    before = page.previous;
    // oxlint-disable-next-line no-await-in-loop
    await between?.();
    if (walked.length > 1000) throw new Error('it has no end');
  }
  return walked;
}

/** One row at the end, reached from the front. */
async function lastPage(database: Database, things: Keyset): Promise<Page<Row>> {
  let page = await read(database, things, { limit: 1 });
  while (page.next !== null) {
    // oxlint-disable-next-line no-await-in-loop
    page = await read(database, things, { limit: 1, after: page.next });
  }
  return page;
}

/** Several statements, of which the last one's rows count. */
async function last(database: Database, text: string): Promise<{ rows: Row[] }> {
  const result = (await database.query<Row>(text)) as { rows: Row[] } | { rows: Row[] }[];
  return Array.isArray(result) ? result.at(-1)! : result;
}

/** A condition with its values in it, for texts of several statements. */
function inlined(where: string, values: readonly unknown[]): string {
  return where.replaceAll(
    /\$(\d+)/g,
    (_, number: string) => `'${String(values[Number(number) - 1])}'`,
  );
}

function ids(found: readonly Row[]): string[] {
  return found.map(({ id }) => String(id));
}
