import { getEventListeners } from 'node:events';
import { type Given, hasCode, type CallPolicy } from '@org/core';
import { type FakeClock, fakeClock, serve } from '@org/core/testing';
import {
  failedAttempts,
  hedge,
  retry,
  type Retry,
  type RetryEvent,
  type RetryOptions,
} from '@org/retry';

import { type Flaky, flakyServer, type Step } from './flaky-server.ts';

let server: Flaky;
let again: Retry;
let clock: FakeClock;
let events: RetryEvent[];

/** A server that follows the script, and a retry whose waits pass as soon as they have begun. */
async function given(script: readonly Step[], options: Given<RetryOptions> = {}): Promise<void> {
  server = await flakyServer(...script);
  clock = fakeClock();
  events = [];
  again = retry({
    clock,
    jitter: 'none',
    onEvent(event) {
      events.push(event);
      // The body of the last answer gets its turns.
      if (event.type === 'retry') setTimeout(() => clock.advance(event.delayMs), 5);
    },
    ...options,
  });
}

afterEach(async () => {
  await server.close();
});

const marks = (): unknown[] => server.seen.map(({ headers }) => headers['retry-attempt']);
const keys = (): unknown[] => server.seen.map(({ headers }) => headers['idempotency-key']);

describe('fetch', () => {
  test('is fetch where all is well', async () => {
    await given([]);
    const answer = await again.fetch(server.url, { headers: { 'x-own': 'mine' } });
    expect([answer.status, answer.url, await answer.text()]).toEqual([
      200,
      `${server.url}/`,
      '200',
    ]);
    expect(server.seen[0]!.headers).toMatchObject({ 'x-own': 'mine' });
    expect(marks()).toEqual([undefined]);
  });

  test.each([[408], [429], [502], [503], [504]])('tries a %d again', async (status) => {
    await given([status]);
    const answer = await again.fetch(server.url);
    expect(answer.status).toBe(200);
    expect(marks()).toEqual([undefined, '1']);
  });

  test.each([[400], [401], [404], [409], [500], [501]])(
    'takes a %d for an answer',
    async (status) => {
      await given([status]);
      const answer = await again.fetch(server.url);
      expect(answer.status).toBe(status);
      expect(server.seen).toHaveLength(1);
    },
  );

  test('tries again what the network broke, and keeps own headers', async () => {
    await given(['reset', 'reset']);
    const answer = await again.fetch(server.url, { headers: [['x-own', 'mine']] });
    expect(answer.status).toBe(200);
    expect(marks()).toEqual([undefined, '1', '2']);
    expect(server.seen.map(({ headers }) => headers['x-own'])).toEqual(['mine', 'mine', 'mine']);
  });

  test('rejects as fetch does when all attempts fail', async () => {
    await given(['reset', 'reset', 'reset']);
    const error: unknown = await again.fetch(server.url).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'TypeError', message: 'fetch failed' });
    expect(failedAttempts(error)).toMatchObject({ attempts: 3, gaveUp: 'attempts' });
    expect(failedAttempts(error)!.reasons).toHaveLength(2);
  });

  test('hands over the last answer when all are bad, with its body', async () => {
    await given([503, 502, { status: 503, body: 'sorry' }]);
    const answer = await again.fetch(server.url);
    expect(answer.status).toBe(503);
    await expect(answer.text()).resolves.toBe('sorry');
    expect(events.at(-1)).toMatchObject({ type: 'gave-up', why: 'attempts', reason: 503 });
  });

  test('obeys Retry-After', async () => {
    await given([{ status: 503, headers: { 'Retry-After': '7' } }], { random: () => 0 });
    await again.fetch(server.url);
    expect(events.find(({ type }) => type === 'retry')).toMatchObject({
      delayMs: 7000,
      reason: 503,
    });
  });

  test('takes a Request, and refuses what fetch refuses', async () => {
    await given([503]);
    const request = new Request(server.url, { headers: { 'x-own': 'mine' } });
    const answer = await again.fetch(request);
    expect(answer.status).toBe(200);
    expect(server.seen.map(({ headers }) => headers['x-own'])).toEqual(['mine', 'mine']);
    expect(marks()).toEqual([undefined, '1']);
    await expect(again.fetch('no address')).rejects.toMatchObject({ name: 'TypeError' });
  });

  test('asks with the fetch that it is given', async () => {
    const asked: unknown[] = [];
    const own: typeof fetch = (input) => {
      asked.push(input);
      return Promise.resolve(new Response('own'));
    };
    await given([], { fetch: own });
    await expect((await again.fetch('http://nowhere.test/')).text()).resolves.toBe('own');
    expect(asked).toEqual(['http://nowhere.test/']);
  });

  test('knows an answer whoever made its class', async () => {
    let asked = 0;
    const foreign = () => {
      const answer = { status: ++asked === 1 ? 503 : 200, headers: new Headers(), body: null };
      return Promise.resolve(answer as unknown as Response);
    };
    await given([], { fetch: foreign });
    expect((await again.fetch('http://nowhere.test/')).status).toBe(200);
    expect(asked).toBe(2);
  });

  test('gives the budget a name for each host', async () => {
    await given([]);
    const names: string[] = [];
    const budget = {
      account(name: string) {
        names.push(name);
        return { noteCall() {}, take: () => true };
      },
      stats: () => ({}),
    };
    const shared = retry({ budget, name: 'shared' });
    await shared.fetch(`${server.url}/x`);
    expect(names).toEqual(['shared', new URL(server.url).host]);
  });
});

describe('what is safe to repeat (RFC 9110 §9.2.2)', () => {
  test.each([['GET'], ['HEAD'], ['OPTIONS'], ['PUT'], ['DELETE'], ['put']])(
    '%s is idempotent',
    async (method) => {
      await given([503]);
      const answer = await again.fetch(server.url, { method });
      expect(answer.status).toBe(200);
      expect(server.seen).toHaveLength(2);
    },
  );

  test.each([['POST'], ['PATCH'], ['LOCK']])('%s is not, whatever goes wrong', async (method) => {
    await given([503, 'reset']);
    expect((await again.fetch(server.url, { method, body: 'x' })).status).toBe(503);
    await expect(again.fetch(server.url, { method, body: 'x' })).rejects.toMatchObject({
      name: 'TypeError',
    });
    expect(server.seen).toHaveLength(2);
  });

  test('a POST with an Idempotency-Key is, with the same key and body each time', async () => {
    await given([503, 'reset']);
    const answer = await again.fetch(server.url, {
      method: 'POST',
      body: 'order',
      headers: { 'Idempotency-Key': '"mine"' },
    });
    expect(answer.status).toBe(200);
    expect(keys()).toEqual(['"mine"', '"mine"', '"mine"']);
    expect(server.seen.map(({ body }) => body)).toEqual(['order', '', 'order']);
  });

  test('adds a key where the server is said to honour it, one for all attempts', async () => {
    await given([503, 503], { idempotencyKeys: (url) => url.pathname === '/orders' });
    const post = (path: string) =>
      again.fetch(`${server.url}${path}`, {
        method: 'POST',
        body: new URLSearchParams({ a: '1' }),
      });
    expect((await post('/orders')).status).toBe(200);
    expect((await post('/orders')).status).toBe(200);
    await post('/other');
    const [first, second, third, fourth, fifth] = keys();
    expect(first).toMatch(/^"[\w-]{36}"$/);
    expect([second, third]).toEqual([first, first]);
    expect(fourth).toMatch(/^"[\w-]{36}"$/);
    expect(fourth).not.toBe(first);
    expect(fifth).toBeUndefined();
  });

  test('keeps a key of the caller’s own, and gives none to what needs none', async () => {
    await given([], { idempotencyKeys: true });
    await again.fetch(server.url, { method: 'PATCH', headers: { 'idempotency-key': 'own' } });
    await again.fetch(server.url, { method: 'PUT', body: 'x' });
    expect(keys()).toEqual(['own', undefined]);
  });

  test.each<[string, () => NonNullable<RequestInit['body']>]>([
    ['text', () => 'hello'],
    ['bytes', () => new TextEncoder().encode('hello')],
    ['a buffer', () => new TextEncoder().encode('hello').buffer],
    ['a blob', () => new Blob(['hello'])],
  ])('%s is sent again', async (_, body) => {
    await given([503]);
    const answer = await again.fetch(server.url, { method: 'PUT', body: body() });
    expect(answer.status).toBe(200);
    expect(server.seen.map((one) => one.body)).toEqual(['hello', 'hello']);
  });

  test('a form is sent again', async () => {
    await given([503]);
    const form = new FormData();
    form.set('name', 'value');
    expect((await again.fetch(server.url, { method: 'PUT', body: form })).status).toBe(200);
    expect(server.seen[1]!.body).toContain('name="name"');
  });

  test('streams, and bodies of requests, are gone once they are sent', async () => {
    await given([503, 503]);
    const stream = new Blob(['hello']).stream();
    const init = { method: 'PUT', body: stream, duplex: 'half' } as RequestInit;
    expect((await again.fetch(server.url, init)).status).toBe(503);
    const request = new Request(server.url, { method: 'PUT', body: 'x' });
    expect((await again.fetch(request)).status).toBe(503);
    expect(server.seen).toHaveLength(2);
  });

  test('what never left may be sent again, where no redirection hides what did', async () => {
    await given([]);
    const gone = await serve(() => {});
    await gone.close();
    const post = (redirect: 'error' | 'follow') =>
      again
        .fetch(gone.url, { method: 'POST', body: 'x', redirect })
        .catch((error: unknown) => error);
    expect(failedAttempts(await post('error'))).toMatchObject({ attempts: 3 });
    expect(failedAttempts(await post('follow'))).toBeUndefined();
  });

  test('what left is not sent again, whether an answer came or none', async () => {
    await given([503, 'reset']);
    const init = { method: 'POST', body: 'x', redirect: 'error' } as const;
    expect((await again.fetch(server.url, init)).status).toBe(503);
    await expect(again.fetch(server.url, init)).rejects.toMatchObject({ name: 'TypeError' });
    expect(server.seen).toHaveLength(2);
  });

  test('what must not be made twice is not hedged, either', async () => {
    await given(['silence', 200, 'silence']);
    const passed: string[] = [];
    const circuit: CallPolicy = {
      name: 'circuit',
      kind: 'circuit',
      run(call, context = {}) {
        passed.push('circuit');
        return call(context);
      },
    };
    const inner = [circuit, hedge({ afterMs: 0, clock })];
    const hedged = retry({ clock, inner });
    const get = hedged.fetch(server.url);
    while (server.seen.length < 1) await new Promise(setImmediate);
    clock.advance(0);
    expect((await get).status).toBe(200);
    const caller = new AbortController();
    const post = hedged.fetch(server.url, { method: 'POST', body: 'x', signal: caller.signal });
    while (server.seen.length < 3) await new Promise(setImmediate);
    clock.advance(1000);
    await new Promise((resolve) => void setTimeout(resolve, 20));
    caller.abort();
    await expect(post).rejects.toMatchObject({ name: 'AbortError' });
    expect(server.seen).toHaveLength(3);
    expect(passed).toEqual(['circuit', 'circuit']);
  });
});

describe('signals and time', () => {
  test('the caller’s signal ends the attempt under way, and the rest', async () => {
    await given(['silence']);
    const caller = new AbortController();
    const result = again.fetch(server.url, { signal: caller.signal });
    while (server.seen.length === 0) await new Promise(setImmediate);
    caller.abort();
    await expect(result).rejects.toMatchObject({ name: 'AbortError' });
    await server.seen[0]!.closed;
    expect(server.seen).toHaveLength(1);
  });

  test('an attempt without an answer is aborted on its server, and made again', async () => {
    await given(['silence'], { attemptTimeoutMs: 1000 });
    const result = again.fetch(server.url);
    while (server.seen.length === 0) await new Promise(setImmediate);
    clock.advance(1000);
    await expect((await result).text()).resolves.toBe('200');
    await server.seen[0]!.closed;
  });

  test('all attempts end in time', async () => {
    await given(['silence'], { totalTimeoutMs: 1000 });
    const result = again.fetch(server.url).catch((error: unknown) => error);
    while (server.seen.length === 0) await new Promise(setImmediate);
    clock.advance(1000);
    expect(hasCode(await result, 'ERR_TIME_LIMIT')).toBe(true);
    await server.seen[0]!.closed;
  });

  test('leaves no listener on a signal that many calls share', async () => {
    await given([503, 503], { totalTimeoutMs: 10_000 });
    const { signal } = new AbortController();
    const answer = await again.fetch(server.url, { method: 'HEAD', signal });
    expect(answer.status).toBe(200);
    // undici’s own listener goes with the collector.
    const own = getEventListeners(signal, 'abort').filter(
      (listener) => (listener as unknown as { handleEvent?: unknown }).handleEvent !== undefined,
    );
    expect(own).toHaveLength(0);
  });
});

describe('bodies of failed attempts', () => {
  test('are read to the end if they are short, so that the connection serves the next attempt', async () => {
    await given([{ status: 503, body: 'x'.repeat(10_000) }, 503]);
    await again.fetch(server.url);
    const ports = new Set(server.seen.map(({ port }) => port));
    expect(server.seen).toHaveLength(3);
    expect(ports.size).toBe(1);
  });

  test('are cancelled if they are long', async () => {
    await given([{ status: 503, body: 'x'.repeat(50_000_000) }], {
      onEvent({ type }) {
        if (type === 'retry') void server.seen[0]!.closed.then(() => clock.advance(1000));
      },
    });
    const answer = await again.fetch(server.url);
    expect(answer.status).toBe(200);
    await server.seen[0]!.closed;
    expect(new Set(server.seen.map(({ port }) => port)).size).toBe(2);
  });

  test('are cancelled at the next attempt if they do not end', async () => {
    await given(['stall'], { retryResult: (result) => server.seen.length === 1 && result !== 0 });
    const answer = await again.fetch(server.url);
    expect(answer.status).toBe(200);
    await server.seen[0]!.closed;
    expect(server.seen).toHaveLength(2);
  });
});
