/** What the cache asks of the application by itself: refreshes in the background, and warming. */
import type { Response } from 'express';

import { closeOrigins, type Origin, origin, until } from './origin.ts';

afterEach(closeOrigins);

const SWR = 'max-age=60, stale-while-revalidate=600';

const refreshed = ({ cached }: Origin): number => Number(cached.stats!().refreshesTotal);
const failed = ({ cached }: Origin): number => Number(cached.stats!().refreshesFailedTotal);

describe.each([
  ['with app.use', false],
  ['under setup', true],
])('stale-while-revalidate (RFC 5861 §3) %s', (_how, underSetup) => {
  test('serves what is past its lifetime, and runs the handler once in the background', async () => {
    let second: Response | undefined;
    const app = await origin({
      underSetup,
      handle: (_req, res, call) => {
        res.set('Cache-Control', SWR);
        if (call === 1) res.send('answer 1');
        else second = res;
      },
    });
    await app.get('/');
    app.clock.advance(61_000);
    const stale = await Promise.all(Array.from({ length: 5 }, () => app.get('/')));
    for (const { body, headers } of stale) {
      expect(body).toBe('answer 1');
      expect(headers['cache-status']).toBe('express; hit; ttl=-1');
    }
    second!.send('answer 2');
    await until(() => refreshed(app) === 1);
    expect(app.calls()).toBe(2);
    const next = await app.get('/');
    expect(next.body).toBe('answer 2');
    expect(next.headers.age).toBe('0');
  });

  test('asks conditionally, and for the same client, address and choice', async () => {
    const app = await origin({
      underSetup,
      handle: (req, res) => {
        res.set({ 'Cache-Control': SWR, ETag: '"v1"', Vary: 'Accept-Language' });
        if (req.headers['if-none-match'] === '"v1"') res.status(304).end();
        else res.send('hello');
      },
    });
    const headers = { 'accept-language': 'de', host: 'api.example' };
    await app.get('/a?b=1', headers);
    app.clock.advance(61_000);
    await app.get('/a?b=1', headers);
    await until(() => refreshed(app) === 1);
    const [, asked] = app.seen;
    expect(asked!.headers).toMatchObject({ ...headers, 'if-none-match': '"v1"' });
    expect(asked!.originalUrl).toBe('/a?b=1');
    expect(asked!.socket.remoteAddress).toBe('127.0.0.1');
    expect((await app.get('/a?b=1', headers)).headers['cache-status']).toContain('ttl=60');
  });

  test('a refresh that fails leaves the stale answer, and is tried again a second later', async () => {
    const app = await origin({
      underSetup,
      handle: (_req, res, call) => {
        res.set('Cache-Control', SWR);
        if (call === 2) throw new Error('deliberate');
        res.send(`answer ${call}`);
      },
    });
    await app.get('/');
    app.clock.advance(61_000);
    await app.get('/');
    await until(() => failed(app) === 1);
    expect((await app.get('/')).body).toBe('answer 1');
    expect(app.calls()).toBe(2);
    app.clock.advance(1000);
    await app.get('/');
    await until(() => refreshed(app) === 1);
    expect((await app.get('/')).body).toBe('answer 3');
  });

  test('a refresh that hangs is given up after its time limit', async () => {
    const app = await origin({
      underSetup,
      options: { refreshTimeoutMs: 5000 },
      handle: (_req, res, call) => {
        if (call === 1) res.set('Cache-Control', SWR).send('answer 1');
      },
    });
    await app.get('/');
    app.clock.advance(61_000);
    await app.get('/');
    await until(() => app.calls() === 2);
    app.clock.advance(5000);
    await until(() => failed(app) === 1);
    expect((await app.get('/')).body).toBe('answer 1');
  });
});

test('past its window, what is stale is fetched while the client waits', async () => {
  const { get, clock } = await origin({
    handle: (_req, res, call) => res.set('Cache-Control', SWR).send(`answer ${call}`),
  });
  await get('/');
  clock.advance(660_001);
  expect((await get('/')).body).toBe('answer 2');
});

test.each(['must-revalidate', 'proxy-revalidate', 's-maxage=60', 'no-cache'])(
  '%s forbids stale answers (RFC 9111 §4.2.4)',
  async (directive) => {
    const { get, clock } = await origin({
      handle: (_req, res, call) =>
        res.set({ 'Cache-Control': `${SWR}, ${directive}`, ETag: `"${call}"` }).send(`${call}`),
    });
    await get('/');
    clock.advance(61_000);
    expect((await get('/')).body).toBe('2');
  },
);

describe('refreshing ahead', () => {
  const answers = (_req: unknown, res: Response, call: number): unknown =>
    res.set('Cache-Control', 'max-age=100').send(`answer ${call}`);

  test('fetches what is used much in the last part of its lifetime, and nothing else', async () => {
    const app = await origin({
      options: { refreshAheadRatio: 0.1, refreshMinHits: 3 },
      handle: answers,
    });
    for (let hits = 0; hits < 4; hits++) await app.get('/popular');
    await app.get('/rare');
    app.clock.advance(91_000);
    await app.get('/rare');
    expect((await app.get('/popular')).body).toBe('answer 1');
    await until(() => refreshed(app) === 1);
    expect(app.calls()).toBe(3);
    expect((await app.get('/popular')).body).toBe('answer 3');
  });

  test('rests after each, so that it takes no more than its share of time, and then takes the most used', async () => {
    const under: Response[] = [];
    const order: string[] = [];
    const app = await origin({
      options: {
        refreshAheadRatio: 0.5,
        refreshMinHits: 1,
        refreshConcurrency: 1,
        refreshBudgetRatio: 0.25,
      },
      handle: (req, res, call) => {
        if (call <= 3) return answers(req, res, call);
        order.push(req.path);
        return under.push(res);
      },
    });
    for (const path of ['/a', '/b', '/c']) await app.get(path);
    app.clock.advance(60_000);
    await app.get('/a');
    await app.get('/b');
    for (let hits = 0; hits < 3; hits++) await app.get('/c');
    await until(() => under.length === 1);
    // It took 2 s: 6 s of rest make it a quarter.
    app.clock.advance(2000);
    under[0]!.set('Cache-Control', 'max-age=100').send('new');
    await until(() => refreshed(app) === 1);
    app.clock.advance(5999);
    expect(order).toEqual(['/a']);
    app.clock.advance(1);
    await until(() => order.length === 2);
    expect(order).toEqual(['/a', '/c']);
    under[1]!.send('new');
  });
});

describe('warming', () => {
  test('asks for every address, bounded, and tells what became of it', async () => {
    let most = 0;
    let now = 0;
    const { cached, app, get, calls } = await origin({
      options: { ttlMs: 1000 },
      handle: async (req, res) => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now--;
        if (req.path === '/personal') res.set('Cache-Control', 'private');
        if (req.path === '/fails') res.status(500);
        res.send(req.path);
      },
    });
    const paths = ['/a', '/b', '/c', '/d', '/personal', '/fails'];
    const report = await cached.warm(paths, {
      app,
      concurrency: 2,
      headers: { host: 'api.example' },
    });
    expect(report).toEqual({ stored: 4, refused: ['/personal'], failed: ['/fails'] });
    expect(most).toBe(2);
    expect((await get('/a', { host: 'api.example' })).headers['cache-status']).toContain('hit');
    expect(calls()).toBe(6);
  });

  test('comes from nobody in particular: what the handler shows to local callers is not stored', async () => {
    const { cached, app, seen } = await origin({ options: { ttlMs: 1000 } });
    await cached.warm(['/'], { app });
    expect(seen[0]!.socket.remoteAddress).toBe('0.0.0.0');
  });

  test('needs no app under setup, and says what is missing without', async () => {
    const assembled = await origin({ underSetup: true, options: { ttlMs: 1000 } });
    expect((await assembled.cached.warm(['/'])).stored).toBe(1);
    const alone = await origin();
    await expect(alone.cached.warm(['/'])).rejects.toThrow(
      'cache: warm() does not know the app yet: pass it as { app }, or use setup.',
    );
  });
});
