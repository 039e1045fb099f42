/** Limits across processes: what is shared, and what happens when it is not there. */
import express from 'express';
import type { CallOptions, Count, CounterStore } from '@org/core';
import { memoryStore } from '@org/core';
import { type FakeClock, fakeClock, serve } from '@org/core/testing';
import {
  flexible,
  type RateLimit,
  rateLimit,
  type RateLimitEvent,
  type RateLimitOptions,
} from '@org/rate-limit';
import { RateLimiterMemory } from 'rate-limiter-flexible';

import { StoreGuard } from '../src/store-guard.ts';

/** A store that does what a test says: answers at once or later, hangs, or fails. */
class Moody implements CounterStore {
  mood: 'sync' | 'async' | 'hangs' | 'fails' | 'throws' = 'async';
  calls: number = 0;
  readonly held: (() => void)[] = [];
  readonly counts: Map<string, number> = new Map();
  /** How long the last counter is kept, and how long the last call may take, in ms. */
  kept: number = 0;
  timeout: number | undefined;

  add(
    key: string,
    amount: number,
    windowMs: number,
    options?: CallOptions,
  ): Count | Promise<Count> {
    this.calls++;
    this.kept = windowMs;
    this.timeout = options?.timeoutMs;
    const count = (): Count => {
      const value = (this.counts.get(key) ?? 0) + amount;
      this.counts.set(key, value);
      return { value, resetMs: windowMs };
    };
    if (this.mood === 'throws') throw new Error('no store');
    if (this.mood === 'fails') return Promise.reject(new Error('no store'));
    if (this.mood === 'hangs') {
      return new Promise((resolve) => this.held.push(() => resolve(count())));
    }
    return this.mood === 'sync' ? count() : Promise.resolve(count());
  }

  sum(): number {
    return [...this.counts.values()].reduce((sum, value) => sum + value, 0);
  }
}

interface Pair {
  readonly store: Moody;
  readonly clock: FakeClock;
  readonly one: RateLimit;
  readonly other: RateLimit;
  readonly events: RateLimitEvent[];
}

/** Two processes that share a store; time begins where a window does. */
function pair(options: Partial<RateLimitOptions> = {}): Pair {
  const store = new Moody();
  const clock = fakeClock(1_000_000_000);
  const events: RateLimitEvent[] = [];
  const make = (): RateLimit =>
    rateLimit({
      limit: 10,
      windowMs: 10_000,
      store,
      clock,
      onEvent: (event) => events.push(event),
      ...options,
    });
  return { store, clock, one: make(), other: make(), events };
}

async function allowed(made: RateLimit, count: number, key: string = 'a'): Promise<number> {
  let yes = 0;
  for (let at = 0; at < count; at++) if ((await made.consume(key)).allowed) yes++;
  return yes;
}

/** Lets promises that are settled go on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('shared counters', () => {
  test.each(['sync', 'async'] as const)('hold one limit over two processes (%s)', async (mood) => {
    const { store, one, other } = pair();
    store.mood = mood;
    expect(await allowed(one, 6)).toBe(6);
    expect(await allowed(other, 10)).toBe(4);
    expect(await allowed(one, 3)).toBe(0);
    expect(store.sum()).toBe(10);
    expect((await one.peek('a')).policies[0]).toMatchObject({ remaining: 0, limit: 10 });
    expect((await one.peek('b')).policies[0]).toMatchObject({ remaining: 10 });
  });

  test('whom one process refuses for what it has seen itself costs no call', async () => {
    const { store, one } = pair();
    await allowed(one, 10);
    const { calls } = store;
    expect(await allowed(one, 5)).toBe(0);
    expect(store.calls).toBe(calls);
  });

  test('a refusal by one policy gives back what the others have taken, here and there', async () => {
    const { store, one, other } = pair({
      policies: {
        minute: { limit: 10 },
        day: { limit: 3, windowMs: 1_000_000, algorithm: 'fixed' },
      },
    });
    expect(await allowed(one, 3)).toBe(3);
    const refused = await other.consume('a');
    expect(refused).toMatchObject({ allowed: false, retryAfterMs: 1_000_000 });
    expect(refused.policies).toMatchObject([
      { policy: 'minute', remaining: 7, violated: false },
      { policy: 'day', remaining: 0, violated: true },
    ]);
    expect(store.sum()).toBe(6);
  });

  test('fixed windows lie where the clock puts them, for all', async () => {
    const { clock, one, other } = pair({ algorithm: 'fixed' });
    clock.advance(9000);
    expect(await allowed(one, 6)).toBe(6);
    expect(await other.consume('a', { units: 5 })).toMatchObject({
      allowed: false,
      retryAfterMs: 1000,
    });
    clock.advance(1000);
    // For the one that has counted them, too.
    expect(await allowed(one, 7)).toBe(7);
    expect(await allowed(other, 11)).toBe(3);
    expect((await one.peek('a')).policies[0]).toMatchObject({ remaining: 0, resetMs: 10_000 });
  });

  test('a peek tells of no wait that is shorter than the one of this process', async () => {
    const { clock, one } = pair();
    clock.advance(9000);
    await allowed(one, 10);
    clock.advance(1500);
    for (const verdict of [await one.peek('a'), await one.consume('a')]) {
      expect(verdict).toMatchObject({ allowed: false, retryAfterMs: 8500 });
    }
  });

  test('over counters that do not slide, windows weigh in the one before, and say when there is room', async () => {
    const { clock, one, other } = pair();
    await allowed(one, 8);
    clock.advance(15_000);
    // Half of the window before still counts: four.
    expect(await allowed(other, 10)).toBe(6);
    const refused = await one.consume('a', { units: 2 });
    expect(refused.allowed).toBe(false);
    expect(refused.retryAfterMs).toBeCloseTo(2500);
    clock.advance(2500);
    expect((await one.consume('a', { units: 2 })).allowed).toBe(true);
  });

  test('at twice the limit, evenly and over two processes, begun with a window, none holds more than 1.11 times the limit', async () => {
    const { clock, one, other } = pair({ limit: 100 });
    const at: number[] = [];
    for (let step = 0; step < 1000; step++) {
      clock.advance(50);
      const made = step % 2 === 0 ? one : other;
      if ((await made.consume('a')).allowed) at.push(step * 50);
    }
    const worst = Math.max(
      ...at.map((end) => at.filter((ms) => ms > end - 10_000 && ms <= end).length),
    );
    expect(worst).toBeLessThanOrEqual(111);
    expect(at.length).toBeGreaterThan(450);
  });

  test('a window that is full has to slide out of the next one', async () => {
    const { clock, one, other } = pair();
    await allowed(one, 10);
    const refused = await other.consume('a');
    expect(refused.retryAfterMs).toBeCloseTo(11_000);
    clock.advance(10_999);
    expect((await other.consume('a')).allowed).toBe(false);
    clock.advance(1);
    expect((await other.consume('a')).allowed).toBe(true);
  });

  test('a burst above the limit may come at once, and has to slide out as well', async () => {
    const { one, other } = pair({ algorithm: 'token-bucket', limit: 5, burst: 10 });
    expect(await allowed(one, 6)).toBe(6);
    expect((await other.consume('a', { units: 4 })).allowed).toBe(true);
    const refused = await other.consume('a', { units: 5 });
    expect(refused.allowed).toBe(false);
    // Five of ten may be left: half of the next window later.
    expect(refused.retryAfterMs).toBeCloseTo(15_000);
  });

  test('calls may take as long as the options say, and a window is kept until the next one is over', async () => {
    const { store, one } = pair({ storeTimeoutMs: 70, algorithm: 'fixed' });
    await one.consume('a');
    expect([store.kept, store.timeout]).toEqual([20_000, 70]);
  });

  test('windows that are over are read once, as long as there is room to remember', async () => {
    const { store, one } = pair({ maxKeys: 2 });
    for (const key of ['a', 'b', 'a', 'b']) await one.consume(key);
    expect(store.calls).toBe(6);
    await one.consume('c');
    await one.consume('a');
    expect(store.calls).toBe(10);
  });

  test('a policy in shadow is counted there, and given back alone where it would have refused', async () => {
    const { store, one, other } = pair({
      skipFailed: true,
      policies: { holds: { limit: 10 }, trial: { limit: 2, shadow: true } },
    });
    const app = express();
    app.use(other);
    app.get('/:status', (req, res) => void res.status(Number(req.params.status)).send('answered'));
    const { url, close } = await serve(app);
    await allowed(one, 2, '127.0.0.1');
    for (const status of [200, 500, 200])
      expect((await fetch(`${url}/${status}`)).status).toBe(status);
    await close();
    await settled();
    const sums = [...store.counts].filter(([, value]) => value > 0);
    expect(sums.map(([name, value]) => [name.split(':')[1], value])).toEqual([
      ['holds', 4],
      ['trial', 2],
    ]);
    expect(other.stats!()['routes']).toMatchObject({ '*': { trial: { wouldDenyTotal: 3 } } });
    // Nor has the process itself kept them.
    store.mood = 'throws';
    const { policies } = await other.peek('127.0.0.1');
    expect(policies.map(({ remaining }) => remaining)).toEqual([8, 2]);
  });

  test('what was not taken is not given back', async () => {
    const { store, one, other } = pair({
      policies: { holds: { limit: 4 }, trial: { limit: 2, shadow: true } },
    });
    expect([await allowed(one, 2), await allowed(other, 2)]).toEqual([2, 2]);
    expect(await allowed(one, 1)).toBe(0);
    store.mood = 'throws';
    const { policies } = await one.peek('a');
    expect(policies.map(({ remaining }) => remaining)).toEqual([2, 0]);
  });

  test('whom others have used up a lowered limit for is told that it is lowered', async () => {
    let load = 0;
    const { clock, one, other } = pair({ adaptive: { load: () => load } });
    const app = express();
    app.use(one);
    const { url, close } = await serve(app);
    await allowed(other, 8, '127.0.0.1');
    load = 2;
    clock.advance(1000);
    const lowered = await fetch(url);
    expect([lowered.status, ((await lowered.json()) as { code: string }).code]).toEqual([
      503,
      'ERR_RATE_LIMIT_REDUCED',
    ]);
    load = 0;
    clock.advance(4000);
    expect(await allowed(other, 2, '127.0.0.1')).toBe(2);
    expect((await fetch(url)).status).toBe(429);
    await close();
  });

  test('buckets hold their form in each process, and the limit over all', async () => {
    const { one, other } = pair({ algorithm: 'gcra', burst: 4 });
    expect(await allowed(one, 6)).toBe(4);
    expect(await allowed(other, 6)).toBe(4);
  });

  test('what an answer has not cost is given back there, too', async () => {
    const { store, one } = pair({ cost: 5, skipFailed: true });
    const app = express();
    app.use(one);
    app.get('/', (_req, res) => void res.status(500).send('failed'));
    const { url, close } = await serve(app);
    expect((await fetch(url)).headers.get('ratelimit')).toBe('"default";r=5;t=10');
    await close();
    await settled();
    expect(store.sum()).toBe(0);
  });

  test('a key is forgotten there, too', async () => {
    const { store, clock, one, other } = pair();
    await allowed(one, 10);
    await one.reset('a');
    expect(store.sum()).toBe(0);
    expect(await allowed(one, 1)).toBe(1);
    expect(await allowed(other, 9)).toBe(9);
    // The window before as well, which this process has read.
    clock.advance(10_000);
    expect(await allowed(one, 1)).toBe(0);
    await one.reset('a');
    expect(await allowed(one, 11)).toBe(10);
  });

  test('are the same for limiters of one prefix, and for no others', async () => {
    const store = new Moody();
    const made = (storePrefix?: string): RateLimit => rateLimit({ limit: 5, store, storePrefix });
    const [requests, same, bytes] = [made(), made(), made('bytes:')];
    expect(await allowed(requests, 3)).toBe(3);
    expect(await allowed(bytes, 6)).toBe(5);
    expect(await allowed(same, 3)).toBe(2);
    expect([...store.counts.keys()].map((name) => name.split(':', 1)[0])).toContain('bytes');
  });

  test('are left alone where they are switched off', async () => {
    const { store, one, other } = pair({ distributed: false });
    expect([await allowed(one, 11), await allowed(other, 11)]).toEqual([10, 10]);
    expect(store.calls).toBe(0);
  });

  test('switched on without a store, it says so', async () => {
    const made = rateLimit({ distributed: true });
    expect(await made.health!(AbortSignal.timeout(1000))).toMatchObject({ status: 'warn' });
  });

  test('windows that no store keeps are refused', () => {
    const { store } = pair();
    expect(() => rateLimit({ store, windowMs: 2 ** 31 - 1 })).toThrow(/with a store it may have/);
  });
});

describe.each([
  ['memoryStore', () => memoryStore({ clock: fakeClock() })],
  ['rate-limiter-flexible', () => flexible(new RateLimiterMemory({ points: 1, duration: 1 }))],
] as const)('%s', (_name, makeStore) => {
  test('counts for several limiters', async () => {
    const store = makeStore();
    const [one, other] = [rateLimit({ limit: 10, store }), rateLimit({ limit: 10, store })];
    expect(await allowed(one, 6)).toBe(6);
    expect(await allowed(other, 6)).toBe(4);
    await other.reset('a');
    expect(await allowed(other, 11)).toBe(10);
  });
});

test('rate-limiter-flexible is asked in whole seconds, and never for too few', async () => {
  const asked: unknown[] = [];
  const store = flexible({
    penalty: (...all: unknown[]) => {
      asked.push(all);
      return Promise.resolve({ consumedPoints: 3, msBeforeNext: 900 });
    },
  });
  expect(await store.add('key', 2, 1500)).toEqual({ value: 3, resetMs: 900 });
  expect(asked).toEqual([['key', 2, { customDuration: 2 }]]);
});

describe('while the store is away', () => {
  test('a call that hangs is given up after its time, and what this process has counted holds', async () => {
    const { store, clock, one } = pair({ storeTimeoutMs: 50 });
    expect(await allowed(one, 7)).toBe(7);
    store.mood = 'hangs';
    const asked = one.consume('a');
    clock.advance(49);
    await settled();
    let answered = false;
    void asked.then(() => (answered = true));
    await settled();
    expect(answered).toBe(false);
    clock.advance(1);
    expect(await asked).toMatchObject({ allowed: true, degraded: true });
    // Warm: seven and one are taken.
    expect(
      (await Promise.all([advance(clock, one.consume('a')), advance(clock, one.consume('a'))])).map(
        (verdict) => verdict.allowed,
      ),
    ).toEqual([true, true]);
    expect(await allowed(one, 2)).toBe(0);
  });

  test('an answer that is there when a busy loop gets to it counts, although its time is over', async () => {
    const clock = fakeClock();
    let arrive: (count: Count) => void = () => undefined;
    const guard = new StoreGuard({
      store: { add: () => new Promise<Count>((resolve) => (arrive = resolve)) },
      timeoutMs: 50,
      clock,
      onAway: () => undefined,
      onBack: () => undefined,
    });
    const count = { value: 7, resetMs: 1000 };
    const asked = guard.add('a', 1, 1000);
    // Timers go before what has come over the network.
    clock.advance(50);
    arrive(count);
    expect(await asked).toBe(count);
    const late = guard.add('a', 1, 1000);
    clock.advance(50);
    expect(await late).toBeUndefined();
    expect(guard.errorsTotal).toBe(1);
  });

  test('after three failures in a row nobody waits, and one call a second tries', async () => {
    const { store, clock, one, events } = pair({ limit: 1000 });
    await one.consume('a');
    store.mood = 'hangs';
    for (let at = 0; at < 3; at++) await advance(clock, one.consume('a'));
    expect(events).toMatchObject([{ type: 'store-away', error: { code: 'ERR_STORE_TIMEOUT' } }]);
    expect(one.stats!()).toMatchObject({ store: 'away', storeErrorsTotal: 3, degradedTotal: 3 });
    expect(await one.health!(AbortSignal.timeout(1000))).toMatchObject({ status: 'warn' });
    const { calls } = store;
    expect(await allowed(one, 50)).toBe(50);
    expect(store.calls).toBe(calls);
    clock.advance(1000);
    expect(await allowed(one, 50)).toBe(50);
    expect(store.calls).toBe(calls + 1);
    store.mood = 'async';
    clock.advance(1000);
    expect(await one.consume('a')).toMatchObject({ degraded: true });
    await settled();
    expect(events.at(-1)).toEqual({ type: 'store-back' });
    expect(await one.consume('a')).toMatchObject({ degraded: false });
    expect(await one.health!(AbortSignal.timeout(1000))).toEqual({ status: 'pass' });
  });

  test('a success in between begins the count of failures anew', async () => {
    const { store, one, events } = pair({ limit: 1000 });
    for (const mood of [
      'sync',
      'fails',
      'throws',
      'async',
      'fails',
      'fails',
      'sync',
      'throws',
    ] as const) {
      store.mood = mood;
      await one.consume('a');
    }
    expect(events).toEqual([]);
    expect(one.stats!()).toMatchObject({ store: 'there', storeErrorsTotal: 5 });
  });

  test('an answer that comes after it was given up changes nothing', async () => {
    const { store, clock, one } = pair();
    store.mood = 'hangs';
    await advance(clock, one.consume('a'));
    expect(one.stats!()).toMatchObject({ storeErrorsTotal: 2, store: 'there' });
    for (const answer of store.held.splice(0)) answer();
    await settled();
    store.mood = 'fails';
    await one.consume('a');
    expect(one.stats!()).toMatchObject({ store: 'away' });
    expect(clock.pending).toBe(0);
  });

  test('nor does a failure that comes after that', async () => {
    const { store, clock, one } = pair({ algorithm: 'fixed' });
    const fail: (() => void)[] = [];
    store.add = () => new Promise((_resolve, reject) => fail.push(() => reject(new Error('late'))));
    await advance(clock, one.consume('a'));
    for (const late of fail) late();
    await settled();
    expect(one.stats!()).toMatchObject({ storeErrorsTotal: 1 });
  });

  test('what did not reach it is not given back to it', async () => {
    const { store, one } = pair({ cost: 5, skipFailed: true });
    const app = express();
    app.use(one);
    app.get('/', (_req, res) => {
      store.mood = 'sync';
      res.status(500).send('failed');
    });
    const { url, close } = await serve(app);
    store.mood = 'fails';
    await fetch(url);
    await close();
    await settled();
    expect(one.stats!()).toMatchObject({ givenBackTotal: 5, degradedTotal: 1 });
    expect(store.sum()).toBe(0);
  });

  test('closed: what reached it of a refused request is given back', async () => {
    const { store, one } = pair({ fail: 'closed', policies: { minute: {}, day: {} } });
    const add = store.add.bind(store);
    store.add = (key, ...rest) =>
      key.includes(':day:') ? Promise.reject(new Error('no store')) : add(key, ...rest);
    expect(await one.consume('a')).toMatchObject({ allowed: false, retryAfterMs: 1000 });
    await settled();
    expect(store.sum()).toBe(0);
  });

  test('open: everybody passes, also who has used up what this process has counted', async () => {
    const { store, one } = pair({ fail: 'open', limit: 5 });
    store.mood = 'throws';
    expect(await allowed(one, 20)).toBe(20);
    expect(one.stats!()).toMatchObject({ deniedTotal: 0, degradedTotal: 20 });
    expect(await one.consume('a')).toMatchObject({ allowed: true, retryAfterMs: 0 });
    store.mood = 'sync';
  });

  test('closed: nobody passes, with a 503 that says when to come back', async () => {
    const { store, one } = pair({ fail: 'closed' });
    const app = express();
    app.use(one);
    app.get('/', (_req, res) => void res.send('fine'));
    const { url, close } = await serve(app);
    expect((await fetch(url)).status).toBe(200);
    store.mood = 'fails';
    const answer = await fetch(url);
    await close();
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.json()).toMatchObject({ code: 'ERR_RATE_LIMIT_UNAVAILABLE' });
    expect(one.stats!()).toMatchObject({ unavailableTotal: 1, allowedTotal: 1 });
    store.mood = 'async';
    expect((await one.peek('127.0.0.1')).policies[0]!.remaining).toBe(9);
  });

  test('closed: what was refused that way has not been taken, nor given back twice', async () => {
    const { store, one } = pair({ fail: 'closed', skipFailed: true });
    const app = express();
    app.use(one);
    const { url, close } = await serve(app);
    store.mood = 'fails';
    expect((await fetch(url)).status).toBe(503);
    await close();
    expect(one.stats!()).toMatchObject({ givenBackTotal: 0 });
    store.mood = 'sync';
    expect((await one.peek('127.0.0.1')).policies[0]!.remaining).toBe(10);
  });

  test('closed: an answer that has begun meanwhile is left alone', async () => {
    const { store, clock, one } = pair({ fail: 'closed' });
    store.mood = 'hangs';
    const app = express();
    let begun: express.Response | undefined;
    app.use((_req, res, next) => {
      begun = res;
      res.write('begun, ');
      next();
    });
    app.use(one);
    const { url, close } = await serve(app);
    const answer = await fetch(url);
    clock.advance(50);
    await settled();
    begun!.end('ended');
    expect(await answer.text()).toBe('begun, ended');
    await close();
  });

  test('local: requests through a server are counted here, without a 5xx', async () => {
    const { store, one } = pair({ limit: 3, storeTimeoutMs: 1 });
    const app = express();
    app.use(rateLimit({ limit: 3, store, storeTimeoutMs: 1 }));
    app.get('/', (_req, res) => void res.send('fine'));
    const { url, close } = await serve(app);
    store.mood = 'hangs';
    const statuses = [];
    for (let at = 0; at < 5; at++) statuses.push((await fetch(url)).status);
    await close();
    await one.close!();
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });

  test('a peek says that it is degraded', async () => {
    const { store, one } = pair();
    await allowed(one, 4);
    store.mood = 'throws';
    expect(await one.peek('a')).toMatchObject({ degraded: true, policies: [{ remaining: 6 }] });
  });
});

/** Moves the clock until a call is given up. */
async function advance<T>(clock: FakeClock, asked: Promise<T>): Promise<T> {
  await settled();
  clock.advance(50);
  return asked;
}
