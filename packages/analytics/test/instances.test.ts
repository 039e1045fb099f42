/** Several instances over one store: whatever happens to them, what has arrived is there once. */
import * as fc from 'fast-check';
import { fakeClock } from '@org/core/testing';
import { type AnalyticsStore, type Estimate, memoryStore } from '@org/analytics';

import type { Query } from '../src/query.ts';
import { type Instance, instance } from './instance.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2026, 0, 1, 20);

/** A store whose calls fail as the test says: before they are done, or after, when only the answer is lost. */
function failing(
  store: AnalyticsStore,
): AnalyticsStore & { fails: 'before' | 'after' | undefined } {
  const wrap =
    <A extends unknown[], T>(call: (...args: A) => T | Promise<T>) =>
    async (...args: A): Promise<T> => {
      if (made.fails === 'before') throw new Error('the connection was refused');
      const answer = await call(...args);
      if (made.fails === 'after') throw new Error('the connection was lost');
      return answer;
    };
  const made = {
    fails: undefined as 'before' | 'after' | undefined,
    put: wrap(store.put.bind(store)),
    read: wrap(store.read.bind(store)),
    replace: wrap(store.replace.bind(store)),
    unrolled: wrap(store.unrolled.bind(store)),
    prune: wrap(store.prune.bind(store)),
    remove: wrap(store.remove.bind(store)),
  };
  return made;
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('ask' as const),
      who: fc.nat(2),
      n: fc.integer({ min: 1, max: 5 }),
      route: fc.nat(3),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('flush' as const),
      who: fc.nat(2),
      fails: fc.constantFrom('before' as const, 'after' as const, undefined),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('wait' as const),
      minutes: fc.constantFrom(1, 7, 40, 59),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('roll up' as const),
      who: fc.nat(2),
      fails: fc.constantFrom('before' as const, 'after' as const, undefined),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('restart' as const), who: fc.nat(2) }) },
);

/** What a store that fails does to its caller is the caller's to mend. */
async function passing(work: () => Promise<void>): Promise<void> {
  await work().catch(() => undefined);
}

afterEach(() => jest.restoreAllMocks());

test('whatever fails, restarts, comes twice or late: requests are counted once, or told as lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const clock = fakeClock(START);
      const store = failing(memoryStore());
      const instances: Instance[] = [0, 1, 2].map(() => instance(store, clock));
      let asked = 0;
      for (const one of steps) {
        switch (one.does) {
          case 'ask':
            for (let at = 0; at < one.n; at++) {
              instances[one.who]!.ask(`/${one.route}`, { who: `w${one.who + at}` });
            }
            asked += one.n;
            break;
          case 'flush':
            store.fails = one.fails;
            await passing(() => instances[one.who]!.outbox.flush());
            break;
          case 'wait':
            for (let minute = 0; minute < one.minutes; minute++) {
              clock.advance(MINUTE_MS);
              for (const each of instances) each.turn();
            }
            break;
          case 'roll up':
            store.fails = one.fails;
            await passing(() => instances[one.who]!.rollUpNow());
            break;
          case 'restart':
            store.fails = undefined;
            await instances[one.who]!.outbox.flush();
            instances[one.who] = instance(store, clock);
            break;
        }
        store.fails = undefined;
      }
      for (const each of instances) {
        await each.outbox.flush();
        // What it gave up is told by the row after.
        await each.outbox.flush();
      }
      const ends = [1, 2, 3].map((days) => clock.now() + days * DAY_MS);
      for (const [at, end] of [clock.now() + MINUTE_MS, ...ends].entries()) {
        const [first] = instances;
        const query = `from=2026-01-01&to=${new Date(end).toISOString()}&step=${at > 1 ? 'day' : 'hour'}`;
        const summary = await first!.summary(query);
        // What was given up may have arrived, and only the answer got lost.
        expect(summary.requests).toBeLessThanOrEqual(asked);
        expect(summary.requests + summary.lost).toBeGreaterThanOrEqual(asked);
        expect(summary.series.reduce((sum, part) => sum + part.requests, 0)).toBe(summary.requests);
        const consumers = await first!.listConsumers('from=2026-01-01');
        expect(consumers.requests).toBe(summary.requests);
        clock.advance(DAY_MS);
        await first!.rollUpNow();
      }
    }),
    { numRuns: 150 },
  );
});

test('what arrives after its hour was rolled up has the hour and its day made anew', async () => {
  const clock = fakeClock(Date.UTC(2026, 0, 1, 23, 10));
  const store = memoryStore();
  const [punctual, late] = [instance(store, clock), instance(store, clock)];
  punctual.ask();
  late.ask();
  punctual.turn();
  await punctual.outbox.flush();
  clock.advance(55 * MINUTE_MS);
  await punctual.rollUpNow();
  const yesterday = 'from=2026-01-01&to=2026-01-02&step=day';
  expect(await punctual.summary(yesterday)).toMatchObject({ requests: 1 });
  expect(await store.unrolled('hour', 'endpoints', DAY_MS, 10)).toEqual([]);
  late.turn();
  await late.outbox.flush();
  expect(await punctual.summary(yesterday)).toMatchObject({ requests: 2 });
  await punctual.rollUpNow();
  expect(await store.unrolled('minute', 'endpoints', HOUR_MS, 10)).toEqual([]);
  expect(await store.unrolled('hour', 'endpoints', DAY_MS, 10)).toEqual([]);
  expect(await punctual.summary(yesterday)).toMatchObject({ requests: 2 });
});

test('minutes are kept for two days, hours for ninety and days for two years', async () => {
  const clock = fakeClock(START);
  const store = memoryStore();
  const one = instance(store, clock);
  one.ask('/x', { who: 'ada' });
  one.turn();
  await one.outbox.flush();
  const count = async (tier: 'minute' | 'hour' | 'day'): Promise<number> => {
    const range = { tier, fromAt: 0, toAt: Number.MAX_SAFE_INTEGER, limit: 100 } as const;
    const [endpoints, consumers] = await Promise.all([
      store.read({ ...range, kind: 'endpoints' }),
      store.read({ ...range, kind: 'consumers' }),
    ]);
    expect(consumers).toHaveLength(endpoints.length);
    return endpoints.length;
  };
  const after = async (ms: number): Promise<readonly number[]> => {
    clock.advance(START + ms - clock.now());
    await one.rollUpNow();
    return [await count('minute'), await count('hour'), await count('day')];
  };
  expect(await after(2 * MINUTE_MS)).toEqual([1, 0, 0]);
  expect(await after(HOUR_MS + 2 * MINUTE_MS)).toEqual([1, 1, 0]);
  expect(await after(DAY_MS)).toEqual([1, 1, 1]);
  expect(await after(48 * HOUR_MS)).toEqual([1, 1, 1]);
  expect(await after(50 * HOUR_MS)).toEqual([0, 1, 1]);
  expect(await after(90 * DAY_MS)).toEqual([0, 1, 1]);
  expect(await after(92 * DAY_MS)).toEqual([0, 0, 1]);
  expect(await one.summary('from=2026-01-01&to=2026-01-02')).toMatchObject({
    requests: 1,
    step: 'day',
  });
  expect(await after(729 * DAY_MS)).toEqual([0, 0, 1]);
  expect(await after(732 * DAY_MS)).toEqual([0, 0, 0]);
});

test('one instance at a time rolls up, and another one does when it does not come back', async () => {
  const clock = fakeClock(START);
  const store = memoryStore();
  const [one, other] = [instance(store, clock), instance(store, clock)];
  one.ask();
  one.turn();
  await one.outbox.flush();
  await one.rollUpNow();
  clock.advance(MINUTE_MS);
  await other.rollUpNow();
  clock.advance(HOUR_MS + 2 * MINUTE_MS);
  await other.rollUpNow();
  expect([one.rollUp.rolledTotal, other.rollUp.rolledTotal]).toEqual([0, 2]);
  one.ask();
  one.turn();
  await one.outbox.flush();
  await one.rollUpNow();
  expect(one.rollUp.rolledTotal).toBe(0);
});

test("the lease of somebody else is nobody's to give back", async () => {
  const clock = fakeClock(START);
  const store = memoryStore();
  const [slow, next, third] = [0, 1, 2].map(() => instance(store, clock).lease);
  expect(await slow!.take()).toBe(true);
  clock.advance(HOUR_MS);
  expect(await next!.take()).toBe(true);
  await slow!.release();
  expect(await third!.take()).toBe(false);
  await next!.release();
  expect(await third!.take()).toBe(true);
});

test('the minute that is being counted is not given up: it would be lost again and again', async () => {
  jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const clock = fakeClock(START);
  const store = failing(memoryStore());
  const one = instance(store, clock, { maxPendingBytes: 64 * 1024 });
  store.fails = 'before';
  for (let flush = 0; flush < 4; flush++) {
    // Its row alone is larger than what may wait.
    for (let at = 0; at < 400; at++)
      one.ask(`/of-a-route-that-has-quite-a-long-name-so-that-rows-are-large/${at}`);
    await passing(() => one.outbox.flush());
  }
  expect(one.outbox.lostRequestsTotal).toBe(0);
  expect(one.outbox.pendingRequests).toBe(1600);
  store.fails = undefined;
  await one.outbox.flush();
  expect(await one.summary('')).toMatchObject({ requests: 1600, lost: 0 });
});

test('a row that nobody can read is told of, and keeps nobody from the others', async () => {
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const clock = fakeClock(START);
  const store = memoryStore();
  const one = instance(store, clock);
  one.ask('/x', { who: 'ada' });
  one.turn();
  await one.outbox.flush();
  const broken = {
    tier: 'minute',
    startAt: START,
    writer: 'else',
    revision: 1,
    payload: '{',
  } as const;
  await store.put([
    { ...broken, kind: 'endpoints' },
    { ...broken, kind: 'consumers' },
    // Another version of the package may write something else.
    { ...broken, kind: 'endpoints', writer: 'other', payload: '{"version":2}' },
    { ...broken, kind: 'consumers', writer: 'other', payload: 'null' },
  ]);
  expect(await one.summary('')).toMatchObject({ requests: 1 });
  expect((await one.listConsumers()).requests).toBe(1);
  expect(warned.mock.calls.map(([text]) => String(text))).toEqual([
    expect.stringContaining('JSON'),
    expect.stringContaining('There is no list of endpoints in {"version":2}'),
    expect.stringContaining('JSON'),
    expect.stringContaining('null'),
  ]);
  clock.advance(2 * HOUR_MS);
  await one.rollUpNow();
  expect(await store.unrolled('minute', 'endpoints', HOUR_MS, 10)).toEqual([]);
  expect(await one.summary('')).toMatchObject({ requests: 1 });
  const ids = new Set([one.consumers.idOf('ada')]);
  expect(await one.erasures.sweep(ids, clock.now())).toEqual({ rows: 2, requests: 1 });
});

test('a consumer that was not watched all the time may have asked more often, and the bounds say so', async () => {
  const clock = fakeClock(START);
  const store = memoryStore();
  const one = instance(store, clock, { maxConsumers: 10 });
  one.ask('/x', { who: 'ada' });
  for (let at = 0; at < 40; at++) one.ask('/x', { who: `w${at}` });
  clock.advance(MINUTE_MS);
  one.turn();
  for (let at = 0; at < 3; at++) one.ask('/x', { who: 'ada' });
  await one.outbox.flush();
  const query = { fromAt: START, toAt: START + HOUR_MS, step: 'hour', limit: 1, after: undefined };
  const { requests } = await one.reports.consumer(one.consumers.idOf('ada'), query as Query);
  expect(requests).toMatchObject({ value: 3, atLeast: 3, confidence: 1 });
  expect((requests as Estimate).atMost).toBeGreaterThanOrEqual(4);
  expect((requests as Estimate).atMost).toBeLessThanOrEqual(3 + 41 / 10);
});

test('a clock that is set back overwrites nothing', async () => {
  const clock = fakeClock(START);
  const store = memoryStore();
  const one = instance(store, clock);
  one.ask();
  clock.advance(MINUTE_MS);
  one.turn();
  one.ask();
  await one.outbox.flush();
  const setBack = fakeClock(START);
  one.outbox.collect();
  one.recorder.turn(setBack.now());
  one.ask();
  await one.outbox.flush();
  expect(await one.summary('')).toMatchObject({ requests: 3 });
});

describe('erasing', () => {
  test('takes a consumer out of minutes, hours and days, of every instance, and of what they still hold', async () => {
    const clock = fakeClock(START);
    const store = memoryStore();
    const [one, other] = [instance(store, clock), instance(store, clock)];
    for (let hour = 0; hour < 30; hour++) {
      for (const each of [one, other]) {
        each.ask('/x', { who: 'ada' });
        each.ask('/x', { who: 'ibn' });
        each.turn();
        await each.outbox.flush();
      }
      clock.advance(HOUR_MS);
      one.turn();
      other.turn();
      await one.rollUpNow();
    }
    // The other one holds what nobody has seen.
    other.ask('/x', { who: 'ada' });
    other.ask('/x', { who: 'ibn' });

    const ada = one.consumers.idOf('ada');
    const at = clock.now();
    await one.erasures.note([ada], at);
    const { rows, requests } = await one.erasures.sweep(new Set([ada]), at);
    expect(requests).toBe(60);
    expect(rows).toBeGreaterThan(60);

    other.turn();
    await other.outbox.flush();
    const from = 'from=2026-01-01';
    expect((await one.listConsumers(from)).items).toEqual([
      expect.objectContaining({ consumer: one.consumers.idOf('ibn') }),
    ]);
    // Whoever comes again is counted again.
    clock.advance(2 * MINUTE_MS);
    other.turn();
    other.ask('/x', { who: 'ada' });
    await other.outbox.flush();
    clock.advance(3 * HOUR_MS);
    other.turn();
    await one.rollUpNow();
    const again = await one.listConsumers(from);
    expect(again.items.find(({ consumer }) => consumer === ada)?.requests.value).toBe(1);
    // When nobody can hold anything from before, it is carried out once more, and the note goes.
    expect(await one.erasures.noted()).toEqual([]);
    const kept = await store.read({
      tier: 'minute',
      kind: 'consumers',
      fromAt: 0,
      toAt: at,
      limit: 1000,
    });
    expect(kept.filter(({ payload }) => payload.includes(ada))).toEqual([]);
    expect(await one.listConsumers(from)).toEqual(again);
  });

  test('says of how many requests it told, also of those whose minutes and hours are gone', async () => {
    const clock = fakeClock(START);
    const store = memoryStore();
    const one = instance(store, clock);
    const ada = new Set([one.consumers.idOf('ada')]);
    for (const daysLater of [0, 1, 100]) {
      clock.advance(START + daysLater * DAY_MS - clock.now());
      one.turn();
      for (let hour = 0; hour < 5; hour++) {
        one.ask('/x', { who: 'ada' });
        one.turn();
        await one.outbox.flush();
        clock.advance(HOUR_MS);
        one.turn();
        await one.rollUpNow();
      }
    }
    expect(await one.erasures.sweep(ada, clock.now())).toMatchObject({ requests: 15 });
  });

  test('finds an address on each day, under each secret, and nobody else', () => {
    const clock = fakeClock(START);
    const old = 'an old secret of many letters';
    const before = instance(memoryStore(), clock, { secret: old });
    const now = instance(memoryStore(), clock, {
      secret: ['a new secret of many letters', old],
    });
    const since = clock.now() - 2 * DAY_MS;
    const [today] = before.consumers.idsOf({ address: '192.0.2.7' }, clock.now());
    expect(now.consumers.idsOf({ address: '192.0.2.99' }, since)).toContain(today);
    expect(now.consumers.idsOf({ address: '192.0.3.7' }, since)).not.toContain(today);
    expect(now.consumers.idsOf({ address: '192.0.2.7' }, since)).toHaveLength(6);
    expect(now.consumers.idsOf('ada', since)).toContain(before.consumers.idOf('ada'));
  });
});
