/** Services that ask one another: who tries again, and with what they were given. */
import { getEventListeners } from 'node:events';
import { exchangeOf } from '@org/core';
import { fakeClock, type Served, serve } from '@org/core/testing';
import { retry, type Retry, type RetryOptions } from '@org/retry';
import express, { type Express } from 'express';

import { flakyServer } from './flaky-server.ts';

const quick: Partial<RetryOptions> = { baseDelayMs: 0, maxAttempts: 3 };

/** A service that asks the next one for each request, and answers 503 where that fails. */
async function service(
  next: string,
  options: Partial<RetryOptions> = {},
): Promise<Served & { retry: Retry }> {
  const own = retry({ ...quick, ...options });
  const app = express();
  app.use(own);
  app.use(async (req, res) => {
    const answer = await own.fetchFor(exchangeOf(req, res))(next, { method: req.method });
    res.status(answer.status).send(await answer.text());
  });
  return { ...(await serve(app)), retry: own };
}

const down = Array.from({ length: 100 }, () => 503);

describe('across services', () => {
  test('retries do not multiply: who is asked by a retry does not retry', async () => {
    const last = await flakyServer(...down);
    const third = await service(last.url);
    const second = await service(third.url);
    const first = retry(quick);
    const answer = await first.fetch(second.url);
    expect(answer.status).toBe(503);
    // Instead of 27: the first request is retried by each once, its retries by nobody.
    expect(last.seen.length).toBe(7);
    expect(second.retry.stats?.()).toMatchObject({ inboundRetriesTotal: 2, nestedTotal: 2 });
    expect(last.seen.map(({ headers }) => headers['retry-attempt'])).toEqual([
      undefined,
      '1',
      '2',
      '1',
      '2',
      '1',
      '2',
    ]);
    await Promise.all([second.close(), third.close(), last.close()]);
  });

  test('unless a service is told to', async () => {
    const last = await flakyServer(...down);
    const second = await service(last.url, { retryRetries: true });
    await retry(quick).fetch(second.url);
    expect(last.seen.length).toBe(9);
    await Promise.all([second.close(), last.close()]);
  });

  test('a value of another form says nothing', async () => {
    const last = await flakyServer(503, 200, 503, 200);
    const second = await service(last.url);
    for (const value of ['-1', 'many']) {
      const answer = await fetch(second.url, { headers: { 'Retry-Attempt': value } });
      expect(answer.status).toBe(200);
    }
    expect(second.retry.stats?.()).toMatchObject({ inboundRetriesTotal: 0 });
    await Promise.all([second.close(), last.close()]);
  });
});

describe('work on a request', () => {
  /** Serves one handler. */
  async function served(handle: (app: Express) => void): Promise<Served> {
    const app = express();
    handle(app);
    return serve(app);
  }

  test('ends with the request: when the client goes, the call goes', async () => {
    const last = await flakyServer('silence');
    const own = retry(quick);
    const ended: unknown[] = [];
    const { url, close } = await served((app) =>
      app.get('/', async (req, res) => {
        await own
          .fetchFor(exchangeOf(req, res))(last.url)
          .catch((error: unknown) => ended.push(error));
      }),
    );
    const client = new AbortController();
    const request = fetch(url, { signal: client.signal }).catch(() => {});
    while (last.seen.length === 0) await new Promise(setImmediate);
    client.abort();
    await request;
    await last.seen[0]!.closed;
    while (ended.length === 0) await new Promise(setImmediate);
    expect(ended).toEqual([expect.objectContaining({ code: 'ERR_CLIENT_CLOSED' })]);
    expect(last.seen).toHaveLength(1);
    await Promise.all([close(), last.close()]);
  });

  test('ends with a signal of the call’s own, too', async () => {
    const last = await flakyServer('silence');
    const own = retry(quick);
    const { url, close } = await served((app) =>
      app.get('/', async (req, res) => {
        const stop = new AbortController();
        const call = own.fetchFor(exchangeOf(req, res))(last.url, { signal: stop.signal });
        while (last.seen.length === 0) await new Promise(setImmediate);
        stop.abort(new Error('stopped'));
        res.send(await call.catch((error: Error) => error.message));
      }),
    );
    await expect((await fetch(url)).text()).resolves.toBe('stopped');
    await Promise.all([close(), last.close()]);
  });

  test('lets go of both signals where there is no body to come', async () => {
    const stop = new AbortController();
    const answers = [
      () => Promise.resolve(new Response(null, { status: 204 })),
      () => Promise.reject(new SyntaxError('not HTTP')),
    ];
    const own = retry({ ...quick, fetch: () => answers.shift()!() });
    const app = express();
    app.use(own);
    const listening: number[] = [];
    app.use(async (req, res) => {
      const exchange = exchangeOf(req, res);
      await own
        .fetchFor(exchange)('http://next.example/', { signal: stop.signal })
        .catch(() => {});
      for (const signal of [stop.signal, exchange.signal]) {
        listening.push(getEventListeners(signal, 'abort').length);
      }
      res.end();
    });
    const { url, close } = await serve(app);
    await fetch(url);
    await fetch(url);
    expect(listening).toEqual([0, 0, 0, 0]);
    await close();
  });

  test('both signals hold for the body, too', async () => {
    const last = await flakyServer('stall');
    const own = retry(quick);
    const { url, close } = await served((app) =>
      app.get('/', async (req, res) => {
        const stop = new AbortController();
        const ask = own.fetchFor(exchangeOf(req, res));
        const answer = await ask(last.url, { signal: stop.signal });
        const body = answer.text();
        stop.abort(new Error('stopped'));
        res.send(await body.catch((error: Error) => error.message));
      }),
    );
    await expect((await fetch(url)).text()).resolves.toBe('stopped');
    await last.seen[0]!.closed;
    await Promise.all([close(), last.close()]);
  });

  test('does not wait past its deadline', async () => {
    const last = await flakyServer(503);
    const clock = fakeClock();
    const own = retry({ clock, jitter: 'none', baseDelayMs: 1000 });
    const { url, close } = await served((app) =>
      app.get('/', async (req, res) => {
        const exchange = exchangeOf(req, res, clock);
        exchange.deadlineMs = clock.monotonicMs() + 1000;
        const answer = await own.fetchFor(exchange)(last.url);
        res.json({ status: answer.status, ...own.stats?.() });
      }),
    );
    await expect((await fetch(url)).json()).resolves.toMatchObject({
      status: 503,
      deadlineTooNearTotal: 1,
      retriesTotal: 0,
    });
    await Promise.all([close(), last.close()]);
  });

  test('derives its keys from the client’s, so that the client’s retry asks with the same', async () => {
    const last = await flakyServer();
    const own = retry({ ...quick, idempotencyKeys: true });
    const { url, close } = await served((app) =>
      app.post('/:what', async (req, res) => {
        const ask = own.fetchFor(exchangeOf(req, res));
        for (const path of ['/a', '/a', '/b']) await ask(`${last.url}${path}`, { method: 'POST' });
        res.send('done');
      }),
    );
    const post = async (path: string, headers: Record<string, string>): Promise<unknown[]> => {
      const before = last.seen.length;
      await fetch(`${url}${path}`, { method: 'POST', headers });
      return last.seen.slice(before).map((one) => one.headers['idempotency-key']);
    };
    const key = { 'Idempotency-Key': '"k"' };
    const first = await post('/x', key);
    // Two equal writes are two, and another is another.
    expect(new Set(first).size).toBe(3);
    expect(first[0]).toMatch(/^"[\w-]{43}"$/);
    expect(await post('/x', key)).toEqual(first);
    for (const other of [
      await post('/y', key),
      await post('/x', { ...key, authorization: 'Bearer another' }),
      await post('/x', { 'Idempotency-Key': '"l"' }),
      await post('/x', {}),
      await post('/x', {}),
    ]) {
      for (const one of other) expect(first).not.toContain(one);
    }
    await Promise.all([close(), last.close()]);
  });
});
