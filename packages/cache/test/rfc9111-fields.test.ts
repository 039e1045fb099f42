/** RFC 9111 §5: directives of requests and of answers, and Pragma. */
import { gzipSync } from 'node:zlib';

import { closeOrigins, origin } from './origin.ts';
import {
  dateIn,
  DAY,
  type Fields,
  HOUR,
  reuses,
  SECOND,
  send,
  sends,
  stored,
  validates,
} from './rfc.ts';

afterEach(closeOrigins);

const FRESH: Fields = { 'Cache-Control': 'max-age=60' };

/** Whether this request is answered from what was stored so long before it, in ms. */
async function satisfies(
  directives: string,
  afterMs: number,
  fields: Fields = FRESH,
): Promise<boolean> {
  const app = await origin({ handle: sends(fields) });
  return reuses(app, afterMs, {}, { 'cache-control': directives });
}

describe('§5.2.1: a request with', () => {
  test.each<[string, number, boolean]>([
    // §5.2.1.1
    ['max-age=10', 10 * SECOND, true],
    ['max-age=10', 10 * SECOND + 1, false],
    ['Max-Age="10"', 11 * SECOND, false],
    ['max-age=0', 1, false],
    ['max-age=abc', 1, false],
    ['max-age=99', 60 * SECOND, false],
    // §5.2.1.2
    ['max-stale=10', 70 * SECOND, true],
    ['max-stale=10', 71 * SECOND, false],
    ['max-stale="10"', 70 * SECOND, true],
    ['max-stale', DAY, true],
    ['max-stale=abc', 61 * SECOND, false],
    ['max-stale=0', 61 * SECOND, false],
    // §5.2.1.3
    ['min-fresh=10', 50 * SECOND, true],
    ['min-fresh=10', 51 * SECOND, false],
    ['min-fresh=61', 0, false],
    // §5.2.1.4
    ['no-cache', 0, false],
    ['NO-CACHE', 0, false],
    ['foo, no-cache="x"', 0, false],
    ['no-cache, max-stale', 0, false],
    // Unknown ones, and those of answers, say nothing (§5.2.3).
    ['foo, bar="no-cache", must-revalidate, private, s-maxage=0', 59 * SECOND, true],
  ])('%s, %i ms on, is answered from the store: %j', async (directives, afterMs, expected) => {
    expect(await satisfies(directives, afterMs)).toBe(expected);
  });

  test('§5.2.1.4 no-cache is answered from the store after the application has confirmed it', async () => {
    const { get, seen } = await origin({
      handle: validates({ ...FRESH, ETag: '"a"' }, { ETag: '"a"' }),
    });
    await get('/');
    const { status, body } = await get('/', { 'cache-control': 'no-cache' });
    expect([status, body, seen.length]).toEqual([200, 'hello', 2]);
    expect(seen[1]!.headers['if-none-match']).toBe('"a"');
  });

  test.each(['no-store', 'No-Store, max-age=0', 'no-store="x"', 'x="a,b" , no-store'])(
    '§5.2.1.5 %s leaves nothing of its answer behind',
    async (directives) => {
      const app = await origin({ handle: sends(FRESH) });
      await app.get('/', { 'cache-control': directives });
      expect(stored(app)).toBe(0);
      await app.get('/');
      expect(app.calls()).toBe(2);
    },
  );

  test('§5.2.1.5 no-store leaves nothing of a confirmation behind', async () => {
    const { get, clock, seen } = await origin({
      handle: validates({ ...FRESH, ETag: '"a"' }, { ETag: '"a"', 'X-Of': 'this request' }),
    });
    await get('/');
    clock.advance(61 * SECOND);
    await get('/', { 'cache-control': 'no-store' });
    expect((await get('/', { 'cache-control': 'max-stale' })).headers).not.toHaveProperty('x-of');
    expect(seen.length).toBeGreaterThan(1);
  });

  describe('§5.2.1.7 only-if-cached', () => {
    const only = { 'cache-control': 'only-if-cached' };

    test('is answered 504 where nothing is stored, and the application is not asked', async () => {
      const { get, calls } = await origin({ handle: sends(FRESH) });
      expect((await get('/', only)).status).toBe(504);
      expect(calls()).toBe(0);
    });

    test('is answered 504 for what is stale, or for other requests', async () => {
      const { get, calls, clock } = await origin({ handle: sends({ ...FRESH, Vary: 'X-A' }) });
      await get('/');
      expect((await get('/', { ...only, 'x-a': '1' })).status).toBe(504);
      clock.advance(60 * SECOND);
      expect((await get('/', only)).status).toBe(504);
      expect(calls()).toBe(1);
    });

    test('is answered from the store, also with what is stale where that is allowed', async () => {
      const { get, calls, clock } = await origin({ handle: sends(FRESH) });
      await get('/');
      expect((await get('/', only)).body).toBe('hello');
      clock.advance(60 * SECOND);
      expect((await get('/', { 'cache-control': 'only-if-cached, max-stale' })).body).toBe('hello');
      expect(calls()).toBe(1);
    });

    describe.each([
      ['credentials', { authorization: 'Bearer a' }],
      ['a condition for the origin', { 'if-match': '"a"' }],
    ])('of a request with %s', (_what, headers) => {
      test('is answered 504, too', async () => {
        const { get, calls } = await origin({ handle: sends(FRESH) });
        await get('/');
        expect((await get('/', { ...only, ...headers })).status).toBe(504);
        expect(calls()).toBe(1);
      });
    });
  });

  test('directives on several lines is read as one list', async () => {
    const { get, calls } = await origin({ handle: sends(FRESH) });
    await get('/');
    await get('/', { 'Cache-Control': ['max-stale', 'no-cache'] });
    expect(calls()).toBe(2);
  });
});

describe('§5.2.2: an answer with', () => {
  test.each<[string, string | readonly string[]]>([
    ['no-store', 'no-store'],
    ['no-store in odd case', 'max-age=60, No-STORE'],
    ['no-store before the rest', 'no-store, max-age=60, public, s-maxage=60'],
    ['no-store without blanks', 'max-age=60,no-store,public'],
    ['no-store between blanks', 'max-age=60 ,\t no-store \t, public'],
    ['no-store behind empty members', ', ,,no-store,, max-age=60'],
    ['no-store on a line of its own', ['max-age=60', 'no-store']],
    ['no-store with an argument', 'max-age=60, no-store="x"'],
    ['no-store with an empty argument', 'max-age=60, no-store='],
    ['no-store behind a quoted comma', 'foo="a, b", no-store, max-age=60'],
    ['no-store behind an escaped quote', String.raw`foo="a\", b", no-store, max-age=60`],
    ['no-store behind a quote that is not closed', 'max-age=60, foo="a, no-store'],
    ['private', 'private, max-age=60'],
    ['private in odd case', 'PRIVATE, max-age=60'],
    ['private on a line of its own', ['s-maxage=60', 'private']],
    ['private about no field', 'private="", max-age=60'],
    ['private about all and about one field', 'private="x", private, max-age=60'],
    ['private beside public', 'public, private, max-age=60'],
  ])('§5.2.2.5, §5.2.2.7: %s is not stored', async (_what, directives) => {
    const app = await origin({
      handle: sends({ 'Cache-Control': directives, ETag: '"a"', Expires: dateIn(HOUR) }),
    });
    expect(await reuses(app)).toBe(false);
    expect(stored(app)).toBe(0);
  });

  test.each([
    'max-age=60, foo="no-store, private, no-cache"',
    'max-age=60, no-stores, xno-store, no-store-x, privates',
    'max-age=60, immutable, proxy-revalidate, must-revalidate, no-transform',
    'max-age=60, only-if-cached, min-fresh=99, max-stale=0',
  ])('nothing that forbids it is stored: %s', async (directives) => {
    expect(await reuses(await origin({ handle: sends({ 'Cache-Control': directives }) }))).toBe(
      true,
    );
  });

  test.each([
    ['private="X-Own"', ['x-own']],
    ['no-cache="X-Own"', ['x-own']],
    ['PRIVATE="x-own, X-Two"', ['x-own', 'x-two']],
    ['private=x-own', ['x-own']],
    ['no-cache="X-Two", private=" x-own ,"', ['x-own', 'x-two']],
  ])('§5.2.2.4, §5.2.2.7: %s is stored without these fields', async (directives, without) => {
    const { get, calls } = await origin({
      handle: sends({
        'Cache-Control': `max-age=60, ${directives}`,
        'X-Own': '1',
        'X-Two': '2',
        'X-Three': '3',
      }),
    });
    const first = await get('/');
    expect(first.headers).toMatchObject({ 'x-own': '1', 'x-two': '2' });
    const { headers } = await get('/');
    expect(calls()).toBe(1);
    expect(headers['x-three']).toBe('3');
    for (const name of without) expect(headers).not.toHaveProperty(name);
  });

  test.each([
    'no-cache',
    'No-Cache, max-age=60',
    'no-cache="", max-age=60',
    'public, s-maxage=60, no-cache',
    'no-cache="x y", max-age=60',
  ])('§5.2.2.4: %s is not used again before it is confirmed', async (directives) => {
    const app = await origin({
      handle: validates({ 'Cache-Control': directives, ETag: '"a"' }, { ETag: '"a"' }),
    });
    for (const call of [1, 2, 3]) {
      expect((await app.get('/', { 'cache-control': 'max-stale' })).body).toBe('hello');
      expect(app.calls()).toBe(call);
    }
    expect(app.seen.map(({ headers }) => headers['if-none-match'])).toEqual([
      undefined,
      '"a"',
      '"a"',
    ]);
  });

  test.each([
    ['must-revalidate', 'max-age=10, must-revalidate'],
    ['Must-Revalidate with an argument', 'max-age=10, Must-Revalidate=1'],
    ['proxy-revalidate', 'max-age=10, proxy-revalidate'],
    ['s-maxage', 's-maxage=10, max-age=60'],
  ])(
    '§5.2.2.2, §5.2.2.8, §5.2.2.10: %s is used while fresh, and not stale',
    async (_what, directives) => {
      const staying = { 'cache-control': 'max-stale' };
      const handle = sends({ 'Cache-Control': directives });
      expect(await reuses(await origin({ handle }), 9 * SECOND, {}, staying)).toBe(true);
      expect(await reuses(await origin({ handle }), 10 * SECOND, {}, staying)).toBe(false);
    },
  );

  test('§5.2.2.2: must-revalidate is an error where the application fails, not what is stale', async () => {
    const { get, clock } = await origin({
      options: { staleIfErrorMs: HOUR },
      handle: (_req, res, call) =>
        call === 1
          ? send(res, { 'Cache-Control': 'max-age=10, must-revalidate', ETag: '"a"' })
          : send(res, {}, '', 504),
    });
    await get('/');
    clock.advance(11 * SECOND);
    expect((await get('/')).status).toBe(504);
  });

  const TEXT = 'text that shrinks '.repeat(500);
  const gzip = { 'accept-encoding': 'gzip' };

  test.each([
    ['max-age=60', 1],
    ['max-age=60, no-transform', 0],
    ['max-age=60, foo, NO-Transform=1', 0],
  ])('§5.2.2.6: %s is made in %i other codings', async (directives, codings) => {
    const { get, cached } = await origin({
      handle: sends({ 'Cache-Control': directives, 'Content-Type': 'text/plain' }, TEXT),
    });
    await get('/', gzip);
    expect((await get('/', gzip)).body).toBe(TEXT);
    // Waits for the coding that a hit has asked for.
    await cached.close!();
    expect(cached.stats!().codedTotal).toBe(codings);
  });

  test('§5.2.2.6: a body that is coded already is left as it is', async () => {
    const coded = gzipSync(TEXT);
    const fields = { ...FRESH, 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' };
    const { get, cached } = await origin({
      handle: (_req, res) => void res.set(fields).end(coded),
    });
    await get('/', gzip);
    const { bytes, headers } = await get('/', gzip);
    expect(headers['content-encoding']).toBe('gzip');
    expect(bytes.equals(coded)).toBe(true);
    await cached.close!();
    expect(cached.stats!().codedTotal).toBe(0);
  });
});

describe('§5.4: Pragma', () => {
  test.each(['no-cache', 'No-Cache', 'foo, no-cache'])(
    '%s of a request is no-cache, where it has no Cache-Control',
    async (pragma) => {
      const app = await origin({ handle: sends(FRESH) });
      expect(await reuses(app, 0, {}, { pragma })).toBe(false);
    },
  );

  test.each<[string, Record<string, string>]>([
    ['beside Cache-Control', { pragma: 'no-cache', 'cache-control': 'max-age=60' }],
    ['that is unknown', { pragma: 'foo, x-no-cached' }],
  ])('%s says nothing', async (_what, headers) => {
    const app = await origin({ handle: sends(FRESH) });
    expect(await reuses(app, 0, {}, headers)).toBe(true);
  });

  test('of an answer says nothing beside what Cache-Control says', async () => {
    const app = await origin({ handle: sends({ ...FRESH, Pragma: 'no-cache' }) });
    expect(await reuses(app)).toBe(true);
  });
});
