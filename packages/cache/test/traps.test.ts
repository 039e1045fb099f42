/** What others fell into, each a test. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { gunzipSync, gzipSync } from 'node:zlib';
import { defineMiddleware, defineStages, FAULT_CHANNEL, memoryStore, type Store } from '@org/core';
import { fakeClock } from '@org/core/testing';
import type { Request, Response } from 'express';

import { ask, closeOrigins, origin, until } from './origin.ts';

afterEach(closeOrigins);

const LONG = 'long text that shrinks '.repeat(200);

/** Asks until an answer comes in a coding: it is made in the background. */
async function coded(url: string, coding: string): ReturnType<typeof ask> {
  for (;;) {
    const answer = await ask(url, { 'accept-encoding': coding });
    if (answer.headers['content-encoding'] === coding) return answer;
  }
}

describe('codings', () => {
  test('a coding that is put on above the cache is not stored: no gzip header on a plain body', async () => {
    const gzip = defineStages({
      encode: (_head, body, { req }) =>
        req.headers['accept-encoding'] === 'gzip'
          ? { coding: 'gzip', body: gzipSync(body) }
          : undefined,
    });
    const { get, calls } = await origin({
      options: { ttlMs: 1000, compressThresholdBytes: Infinity },
      before: (app) =>
        app.use(defineMiddleware({ name: 'gzip', phase: 'shape', step: (one) => one.tap(gzip) })),
      handle: (_req, res) => res.send(LONG),
    });
    const first = await get('/', { 'accept-encoding': 'gzip' });
    expect(gunzipSync(first.bytes).toString()).toBe(LONG);
    const plain = await get('/');
    expect(plain.headers).not.toHaveProperty('content-encoding');
    expect(plain.body).toBe(LONG);
    const again = await get('/', { 'accept-encoding': 'gzip' });
    expect(gunzipSync(again.bytes).toString()).toBe(LONG);
    expect(calls()).toBe(1);
  });

  test('what is sent plainly varies by Accept-Encoding too: the first answer, a hit and a 304', async () => {
    const { get } = await origin({
      options: { ttlMs: 1000 },
      handle: (_req, res) => res.send(LONG),
    });
    const first = await get('/');
    const hit = await get('/');
    const unchanged = await get('/', { 'if-none-match': first.headers.etag });
    expect(unchanged.status).toBe(304);
    for (const { headers } of [first, hit, unchanged]) {
      expect(headers['content-encoding']).toBeUndefined();
      expect(headers.vary).toBe('Accept-Encoding');
    }
  });

  test('a strong validator belongs to one coding, and each of them still answers 304', async () => {
    const { get, url } = await origin({
      options: { ttlMs: 1000 },
      handle: (_req, res) => res.set('ETag', '"v1"').type('text/plain').send(LONG),
    });
    const plain = await get('/');
    const gzip = await coded(url, 'gzip');
    const brotli = await coded(url, 'br');
    const tags = [plain, gzip, brotli].map(({ headers }) => headers.etag);
    expect(tags).toEqual(['"v1"', '"v1-gzip"', '"v1-br"']);
    for (const tag of tags) {
      expect((await get('/', { 'if-none-match': tag, 'accept-encoding': 'gzip' })).status).toBe(
        304,
      );
    }
    expect((await get('/', { 'if-none-match': '"v2"' })).status).toBe(200);
  });

  test('the validator is that of the transformed body, which is transformed once', async () => {
    let transformed = 0;
    const double = defineStages({
      transform(value) {
        transformed++;
        return { wrapped: value };
      },
    });
    const { get } = await origin({
      options: { ttlMs: 1000 },
      before: (app) =>
        app.use(defineMiddleware({ name: 'wrap', phase: 'shape', step: (one) => one.tap(double) })),
      handle: (_req, res) => res.json({ a: 1 }),
    });
    const first = await get('/');
    const hit = await get('/');
    expect(hit.headers['cache-status']).toContain('hit');
    expect(first.body).toBe('{"wrapped":{"a":1}}');
    expect(hit.body).toBe(first.body);
    expect(hit.headers.etag).toBe(first.headers.etag);
    expect(transformed).toBe(1);
  });
});

describe('headers of one moment and of one client', () => {
  test('a date is that of the answer, and its age grows; what stood above the cache is not replayed', async () => {
    let request = 0;
    const { get, clock } = await origin({
      options: { ttlMs: 60_000 },
      before: (app) =>
        app.use((_req, res, next) => {
          res.set('X-Request-Id', String(++request));
          next();
        }),
    });
    const first = await get('/');
    const { date } = (await get('/')).headers;
    clock.advance(5000);
    const hit = await get('/');
    expect(first.headers['x-request-id']).toBe('1');
    expect(hit.headers['x-request-id']).toBe('3');
    expect(hit.headers.date).toBe(date);
    expect(hit.headers.age).toBe('5');
  });

  test('a HEAD leaves nothing that a GET could get', async () => {
    const { get, calls } = await origin({ options: { ttlMs: 1000 } });
    expect((await get('/', {}, 'HEAD')).body).toBe('');
    expect((await get('/')).body).toBe('hello');
    expect(calls()).toBe(2);
    const head = await get('/', {}, 'HEAD');
    expect(head.headers['content-length']).toBe('5');
    expect(calls()).toBe(2);
  });
});

test('an error does not inherit the lifetime that its handler had stated before it threw', async () => {
  const { get } = await origin({
    options: { ttlMs: 1000 },
    handle: (_req, res, call) => {
      res.set('Cache-Control', 'max-age=60');
      if (call === 1) throw new Error('deliberate');
      res.send('fine');
    },
  });
  expect((await get('/')).headers['cache-status']).toContain('detail=failure');
  expect((await get('/')).body).toBe('fine');
});

describe('what is too large to be stored', () => {
  const file = Buffer.alloc(5000, 'file');
  /** As static files are served: with ranges and conditions of their own. */
  const serveFile = (req: Request, res: Response): unknown => {
    res.set({ ETag: '"file"', 'Cache-Control': 'public, max-age=60' });
    if (req.headers['if-none-match'] === '"file"') return res.status(304).end();
    if (req.headers.range !== 'bytes=0-3') return res.send(file);
    return res.status(206).set('Content-Range', 'bytes 0-3/5000').send(file.subarray(0, 4));
  };

  test('keeps its ranges, before and after that is known', async () => {
    const { get } = await origin({
      options: { ttlMs: 1000, maxEntryBytes: 1000 },
      handle: serveFile,
    });
    for (let turn = 0; turn < 3; turn++) {
      expect((await get('/', { range: 'bytes=0-3' })).status).toBe(206);
      await get('/');
    }
  });

  test('is not read anew for a client that has it, once that is known', async () => {
    const { get, seen } = await origin({
      options: { ttlMs: 1000, maxEntryBytes: 1000 },
      handle: serveFile,
    });
    for (let turn = 0; turn < 3; turn++) {
      expect((await get('/', { 'if-none-match': '"file"' })).status).toBe(304);
    }
    const asked = seen.map(({ headers }) => headers['if-none-match']);
    expect(asked).toEqual([undefined, '"file"', '"file"']);
  });
});

describe('collapsing', () => {
  test('those who wait for what cannot be stored are let go together, not one after the other', async () => {
    const waiting: Response[] = [];
    const { url, calls } = await origin({
      options: { ttlMs: 1000 },
      handle: (_req, res) => {
        res.set('Cache-Control', 'private');
        waiting.push(res);
      },
    });
    const first = Array.from({ length: 10 }, () => ask(url));
    await until(() => waiting.length === 1);
    waiting[0]!.send('leader');
    await until(() => waiting.length === 10);
    for (const res of waiting.slice(1)) res.send('follower');
    await Promise.all(first);
    // Known by now: nobody waits at all.
    const next = Array.from({ length: 10 }, () => ask(url));
    await until(() => waiting.length === 20);
    for (const res of waiting.slice(10)) res.send('later');
    await Promise.all(next);
    expect(calls()).toBe(20);
  });

  test('a leader that is cut off leaves nobody hanging', async () => {
    const waiting: Response[] = [];
    const { url, cached } = await origin({
      options: { ttlMs: 1000 },
      handle: (_req, res) => void waiting.push(res),
    });
    const giveUp = new AbortController();
    const leader = fetch(url, { signal: giveUp.signal }).catch(() => 'gone');
    await until(() => waiting.length === 1);
    const followers = Array.from({ length: 5 }, () => ask(url));
    // The misses of those who wait are not counted yet: they have not been sent on.
    await until(() => Number(cached.stats!().missesTotal) === 1);
    giveUp.abort();
    expect(await leader).toBe('gone');
    await until(() => waiting.length === 2);
    waiting[1]!.send('second leader');
    const bodies = (await Promise.all(followers)).map(({ body }) => body);
    expect(new Set(bodies)).toEqual(new Set(['second leader']));
    expect(waiting).toHaveLength(2);
  });
});

describe('bounds', () => {
  test('keys that are too long are not stored, and their requests pass', async () => {
    const { get, calls } = await origin({ options: { ttlMs: 1000, maxKeyLength: 100 } });
    const path = `/?q=${'x'.repeat(100)}`;
    await get(path);
    expect((await get(path)).headers['cache-status']).toBe('express; fwd=bypass; detail=no-key');
    expect(calls()).toBe(2);
  });

  test('queries without number stay within the bytes of the memory', async () => {
    const { cached, url } = await origin({ options: { ttlMs: 60_000, maxBytes: 100_000 } });
    for (let n = 0; n < 500; n++) await ask(`${url}/?n=${n}`);
    const { memoryBytes, keys } = cached.stats!();
    expect(Number(memoryBytes)).toBeLessThanOrEqual(100_000);
    expect(Number(memoryBytes)).toBeGreaterThan(50_000);
    expect(Number(keys)).toBeLessThan(500);
  });

  test('what was stored together does not expire together', async () => {
    let random = 0;
    const { get, clock, calls } = await origin({
      options: { ttlMs: 100_000, jitterRatio: 0.5, random: () => (random += 0.1) % 1 },
    });
    const paths = Array.from({ length: 8 }, (_, n) => `/${n}`);
    for (const path of paths) await get(path);
    const expired: number[] = [];
    for (let seconds = 0; seconds < 100; seconds += 5) {
      const before = calls();
      for (const path of paths) await get(path);
      if (calls() > before) expired.push(calls() - before);
      clock.advance(5000);
    }
    // All of them once at least, and never all at once.
    expect(expired.length).toBeGreaterThan(4);
    expect(Math.max(...expired)).toBeLessThan(5);
  });
});

describe('purging', () => {
  const SWR = 'max-age=60, stale-while-revalidate=600, stale-if-error=600';

  test('what is purged by tag is not served stale either', async () => {
    const { get, cached, calls } = await origin({
      handle: (_req, res, call) => {
        if (call > 1) res.status(500);
        res.set('Cache-Control', SWR).set('Cache-Groups', '"cities"').send(`answer ${call}`);
      },
    });
    await get('/');
    await cached.invalidate({ tags: ['cities'] });
    expect((await get('/')).body).toBe('answer 2');
    expect(calls()).toBe(2);
  });

  test('what is purged softly is confirmed before its next use, or stands in', async () => {
    const { get, cached, calls } = await origin({
      handle: (_req, res, call) => {
        if (call > 1) res.status(500);
        res.set('Cache-Control', 'max-age=60, stale-if-error=600').set('Cache-Groups', '"cities"');
        res.send(`answer ${call}`);
      },
    });
    await get('/');
    await cached.invalidate({ tags: ['cities'], soft: true });
    const { body, headers } = await get('/');
    expect(body).toBe('answer 1');
    expect(headers['cache-status']).toBe('express; fwd=stale; fwd-status=500; ttl=0');
    expect(calls()).toBe(2);
  });

  test('groups are invalidated in every process that shares a store', async () => {
    const store = memoryStore();
    const options = { ttlMs: 60_000, store };
    const handle = (_req: unknown, res: Response): unknown =>
      res.set('Cache-Groups', '"cities"').send('x');
    const one = await origin({ options, handle });
    const other = await origin({
      options,
      handle: (_req, res) => {
        if (_req.method === 'POST') res.set('Cache-Group-Invalidation', '"cities"').send('changed');
        else handle(_req, res);
      },
    });
    // A group belongs to its origin: both processes stand behind one name.
    const host = { host: 'api.example' };
    await one.get('/a', host);
    expect((await one.get('/a', host)).headers['cache-status']).toContain('hit');
    await other.get('/b', host, 'POST');
    expect((await one.get('/a', host)).headers['cache-status']).toContain('fwd=uri-miss');
  });
});

test('a store that hangs holds up three requests, for its time limit each, and then nobody', async () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  const store: Store = {
    get: never,
    set: never,
    delete: never,
    claim: never,
    compareAndSet: never,
    versions: never,
    bump: never,
    add: never,
    slide: never,
    publish: never,
    subscribe: never,
  };
  const clock = fakeClock();
  const faults: unknown[] = [];
  const hear = (fault: unknown): void => void faults.push(fault);
  subscribe(FAULT_CHANNEL, hear);
  const { get, calls, cached } = await origin({
    options: { ttlMs: 60_000, store, storeTimeoutMs: 50, clock },
  });
  const { pending } = clock;
  for (const [made, path] of ['/a', '/x', '/y'].entries()) {
    const held = get(path);
    // One of them is the comparison that runs every second.
    await until(() => clock.pending >= pending + 2);
    expect(calls()).toBe(made);
    clock.advance(50);
    expect((await held).body).toBe('hello');
  }
  // Time stands still now: whoever waited for the store would hang.
  expect((await get('/b')).body).toBe('hello');
  expect((await get('/a')).headers['cache-status']).toContain('hit');
  expect(cached.health!(new AbortController().signal)).toMatchObject({ status: 'warn' });
  // Closing does not wait for it either, and one fault tells of it all.
  await cached.close!();
  unsubscribe(FAULT_CHANNEL, hear);
  expect(faults).toMatchObject([{ where: 'cache store' }]);
});
