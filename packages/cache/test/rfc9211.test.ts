/** RFC 9211 §2: what Cache-Status tells of how each answer came about. */
import { parseList } from 'structured-headers';

import { type Answered, closeOrigins, origin, until } from './origin.ts';
import { arrivals, type Fields, SECOND, send, sends, sendsThen, validates } from './rfc.ts';
import type { Response } from 'express';

afterEach(closeOrigins);

const FRESH: Fields = { 'Cache-Control': 'max-age=60' };
const TAGGED: Fields = { ...FRESH, ETag: '"a"' };

/** The members of the field: a name, and its parameters. */
function told({ headers }: Answered): readonly (readonly [unknown, Record<string, unknown>])[] {
  return parseList(String(headers['cache-status'] ?? '')).map(([name, parameters]) => [
    typeof name === 'string' ? name : String(name),
    Object.fromEntries(
      [...parameters].map(([key, value]) => [
        key,
        typeof value === 'object' ? String(value) : value,
      ]),
    ),
  ]);
}

test('§2.1: a hit says so, and §2.4: how long it stays fresh', async () => {
  const { get, clock } = await origin({ handle: sends(FRESH) });
  await get('/');
  clock.advance(20 * SECOND);
  expect(told(await get('/'))).toEqual([['express', { hit: true, ttl: 40 }]]);
});

test('§2.4: the rest of a lifetime is negative past it', async () => {
  const { get, clock } = await origin({ handle: sends(FRESH) });
  await get('/');
  clock.advance(72 * SECOND);
  const answer = await get('/', { 'cache-control': 'max-stale' });
  expect(told(answer)).toEqual([['express', { hit: true, ttl: -12 }]]);
});

test.each([
  ['304', { 'if-none-match': '"a"' }, 304],
  ['206', { range: 'bytes=0-1' }, 206],
])('§2.1: a %s from the store is a hit', async (_what, headers, status) => {
  const { get } = await origin({ handle: sends(TAGGED) });
  await get('/');
  const answer = await get('/', headers);
  expect(answer.status).toBe(status);
  expect(told(answer)).toEqual([['express', { hit: true, ttl: 60 }]]);
});

describe('§2.2: a request that went on says why', () => {
  test('uri-miss: nothing is stored for its address; and whether it is now (§2.5)', async () => {
    const { get } = await origin({ handle: sends(FRESH) });
    expect(told(await get('/'))).toEqual([['express', { fwd: 'uri-miss', stored: true }]]);
  });

  test('uri-miss, and a reason for which its answer is not stored', async () => {
    const { get } = await origin({ handle: sends({ 'Cache-Control': 'no-store' }) });
    expect(told(await get('/'))).toEqual([['express', { fwd: 'uri-miss', detail: 'no-store' }]]);
  });

  test('vary-miss: what is stored is for other requests', async () => {
    const { get } = await origin({ handle: sends({ ...FRESH, Vary: 'X-A' }) });
    await get('/');
    expect(told(await get('/', { 'x-a': '1' }))).toEqual([
      ['express', { fwd: 'vary-miss', stored: true }],
    ]);
  });

  test('stale: its lifetime is over; with the status of the application where another is sent (§2.3)', async () => {
    const { get, clock } = await origin({ handle: validates(TAGGED, { ETag: '"a"' }) });
    await get('/');
    clock.advance(60 * SECOND);
    const answer = await get('/');
    expect(answer.status).toBe(200);
    expect(told(answer)).toEqual([
      ['express', { fwd: 'stale', 'fwd-status': 304, ttl: 60, stored: true }],
    ]);
  });

  test('stale, with the status of the failure that the stored answer stands in for (§2.3)', async () => {
    const first = sends({ 'Cache-Control': 'max-age=10, stale-if-error=60' });
    const { get, clock } = await origin({ handle: sendsThen(first, sends({}, '', 503)) });
    await get('/');
    clock.advance(15 * SECOND);
    expect(told(await get('/'))).toEqual([
      ['express', { fwd: 'stale', 'fwd-status': 503, ttl: -5 }],
    ]);
  });

  test('stale, and a new answer was stored', async () => {
    const { get, clock } = await origin({ handle: sends(FRESH) });
    await get('/');
    clock.advance(60 * SECOND);
    expect(told(await get('/'))).toEqual([['express', { fwd: 'stale', stored: true }]]);
  });

  test.each(['no-cache', 'max-age=0', 'min-fresh=99'])(
    'request: it did not want what is stored and fresh: %s',
    async (directives) => {
      const { get, clock } = await origin({ handle: sends(FRESH) });
      await get('/');
      clock.advance(SECOND);
      const answer = await get('/', { 'cache-control': directives });
      expect(told(answer)).toEqual([['express', { fwd: 'request', stored: true }]]);
    },
  );

  test('request: what is stored is not for one who may be somebody', async () => {
    const { get } = await origin({ handle: sends(FRESH) });
    await get('/');
    const answer = await get('/', { authorization: 'Bearer a' });
    expect(told(answer)).toEqual([['express', { fwd: 'request', detail: 'credentials' }]]);
  });

  // Past its lifetime no fresh response is there to be selected: that is stale.
  test('stale, also for one who may be somebody', async () => {
    const { get, clock } = await origin({ handle: sends(FRESH) });
    await get('/');
    clock.advance(60 * SECOND);
    const [[, parameters]] = told(await get('/', { authorization: 'Bearer a' })) as [
      [unknown, Record<string, unknown>],
    ];
    expect(parameters.fwd).toBe('stale');
  });

  test.each([
    ['a condition for the origin', { 'if-match': '"a"' }, '/', 'precondition'],
    ['a route that is not cached', {}, '/not', 'policy'],
  ])('bypass: %s', async (_what, headers, path, detail) => {
    const { get } = await origin({ options: { routes: { '/not': false } }, handle: sends(FRESH) });
    expect(told(await get(path, headers))).toEqual([['express', { fwd: 'bypass', detail }]]);
  });

  test.each(['POST', 'PUT', 'OPTIONS'])(
    'or says nothing, and never hit or stored: %s',
    async (method) => {
      const { get } = await origin({ handle: sends(FRESH) });
      await get('/');
      const members = told(await get('/', {}, method));
      for (const [, parameters] of members) expect(parameters).toMatchObject({ fwd: 'method' });
      expect(members.length).toBeLessThan(2);
    },
  );
});

test('§2.6: one that waited for another says that it was collapsed, the other does not', async () => {
  const waiting: Response[] = [];
  const { before, total } = arrivals();
  const { get } = await origin({
    before,
    handle: (_req, res) => waiting.push(res),
  });
  const leader = get('/');
  await until(() => waiting.length === 1);
  const follower = get('/');
  await until(() => total() === 2);
  send(waiting[0]!, FRESH);
  expect(told(await leader)).toEqual([['express', { fwd: 'uri-miss', stored: true }]]);
  expect(told(await follower)).toEqual([
    ['express', { fwd: 'uri-miss', ttl: 60, stored: true, collapsed: true }],
  ]);
});

describe('§2: the list', () => {
  const INNER: Fields = { ...TAGGED, 'Cache-Status': 'inner; hit; ttl=9, "second one"; fwd=miss' };
  const kept = [
    ['inner', { hit: true, ttl: 9 }],
    ['second one', { fwd: 'miss' }],
  ];

  test('keeps the members of caches nearer to the origin, in front: when an answer passes', async () => {
    const { get } = await origin({ handle: sends(INNER) });
    expect(told(await get('/'))).toEqual([...kept, ['express', { fwd: 'uri-miss', stored: true }]]);
  });

  test('keeps them when it is stored, under setup', async () => {
    const { get } = await origin({ handle: sends(INNER), underSetup: true });
    await get('/');
    expect(told(await get('/'))).toEqual([...kept, ['express', { hit: true, ttl: 60 }]]);
  });

  test('keeps them in several lines, and after a validation those of the confirmation', async () => {
    const lines = { ...TAGGED, 'Cache-Status': ['inner; fwd=stale', 'next; fwd=stale'] };
    const { get, clock } = await origin({
      handle: sendsThen(sends(INNER), (_req, res) => send(res, lines, '', 304)),
    });
    await get('/');
    clock.advance(60 * SECOND);
    expect(told(await get('/')).map(([name]) => name)).toEqual(['inner', 'next', 'express']);
  });

  test('keeps them, in front, where the cache stands aside', async () => {
    const { get } = await origin({ options: { routes: { '/': false } }, handle: sends(INNER) });
    expect(told(await get('/'))).toEqual([
      ...kept,
      ['express', { fwd: 'bypass', detail: 'policy' }],
    ]);
  });

  test.each([
    ['a Token', 'edge-1.example:80/a', 'edge-1.example:80/a'],
    ['a String, where it is no Token', 'The "inner" \\ cache', 'The "inner" \\ cache'],
  ])('names this cache, as %s', async (_what, cacheName, expected) => {
    const { get } = await origin({ options: { cacheName }, handle: sends(FRESH) });
    for (const answer of [await get('/'), await get('/')]) {
      expect(told(answer).map(([name]) => name)).toEqual([expected]);
    }
  });

  test('has no member of this cache where that is switched off', async () => {
    const { get } = await origin({
      options: { cacheStatus: false },
      handle: sends({ ...INNER, Vary: 'X-A' }),
    });
    for (const answer of [await get('/'), await get('/')]) expect(told(answer)).toEqual(kept);
  });

  test('is not on what the cache answers of itself', async () => {
    const { get } = await origin();
    const answer = await get('/', { 'cache-control': 'only-if-cached' });
    expect(answer.status).toBe(504);
    expect(told(answer)).toEqual([]);
  });
});
