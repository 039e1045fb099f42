/** Units that processes take from shared counters ahead: fewer calls, and never more than the limit. */
import type { Count, CounterStore } from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import { type RateLimit, rateLimit, type RateLimitOptions } from '@org/rate-limit';
import * as fc from 'fast-check';

/** Counters that answer when they are told to, and count what they are asked. */
class Counters implements CounterStore {
  calls: number = 0;
  fails: boolean = false;
  /** Answers wait here while it is slow. */
  slow: (() => void)[] | undefined = undefined;
  readonly values: Map<string, number> = new Map();

  add(key: string, amount: number, windowMs: number): Promise<Count> {
    this.calls++;
    if (this.fails) return Promise.reject(new Error('no store'));
    const value = (this.values.get(key) ?? 0) + amount;
    this.values.set(key, value);
    const count = { value, resetMs: windowMs };
    const { slow } = this;
    if (slow === undefined) return Promise.resolve(count);
    return new Promise((resolve) => slow.push(() => resolve(count)));
  }

  /** What all keys stand at. */
  get total(): number {
    return [...this.values.values()].reduce((sum, value) => sum + value, 0);
  }
}

interface Leasing {
  readonly store: Counters;
  readonly clock: FakeClock;
  readonly one: RateLimit;
  readonly other: RateLimit;
}

function leasing(options: Partial<RateLimitOptions> = {}): Leasing {
  const store = new Counters();
  const clock = fakeClock(1_000_000_000);
  const make = (): RateLimit =>
    rateLimit({
      limit: 100,
      windowMs: 1_000_000,
      algorithm: 'fixed',
      leaseUnits: 5,
      store,
      clock,
      ...options,
    });
  return { store, clock, one: make(), other: make() };
}

async function allowed(limiter: RateLimit, count: number, key: string = 'a'): Promise<number> {
  let yes = 0;
  for (let at = 0; at < count; at++) if ((await limiter.consume(key)).allowed) yes++;
  return yes;
}

describe('leases', () => {
  test('are of one unit unless more is asked for', async () => {
    const { store, one } = leasing({ leaseUnits: 1 });
    await allowed(one, 10);
    expect(store.calls).toBe(10);
  });

  test('a client that asks for much costs a call for each lease, one that asks for little takes nothing ahead', async () => {
    const { store, clock, one } = leasing();
    expect(await allowed(one, 51)).toBe(51);
    expect(store.calls).toBe(11);
    for (let at = 0; at < 10; at++) {
      await allowed(one, 1, 'b');
      clock.advance(2000);
    }
    expect(store.calls).toBe(21);
    expect(store.total).toBe(61);
  });

  test('whom all processes together have allowed enough is refused without a call, for a second', async () => {
    const { store, clock, one, other } = leasing();
    expect(await allowed(one, 61)).toBe(61);
    expect(await allowed(other, 60)).toBe(39);
    const before = store.calls;
    expect(await allowed(one, 50)).toBe(0);
    expect(store.calls - before).toBeLessThanOrEqual(1);
    clock.advance(1000);
    expect(await allowed(one, 50)).toBe(0);
    // Each has given back what it held, and asked once more.
    expect(store.calls - before).toBeLessThanOrEqual(4);
  });

  test('what was not used within a second is there for the others', async () => {
    const { clock, one, other } = leasing();
    // Its second lease is of five, and it uses one of them.
    expect(await allowed(one, 2)).toBe(2);
    expect(await allowed(other, 100)).toBe(94);
    clock.advance(1000);
    expect(await allowed(other, 10)).toBe(4);
  });

  test('what is not used when the process ends is there for the others, and no timer is left', async () => {
    const { clock, store, one, other } = leasing();
    await allowed(one, 2);
    expect(store.total).toBe(6);
    await one.close!();
    expect([store.total, clock.pending]).toEqual([2, 0]);
    // An answer that comes after the end is of no use any more.
    await allowed(other, 1);
    store.slow = [];
    const late = other.consume('a');
    await other.close!();
    const [answer] = store.slow;
    store.slow = undefined;
    answer!();
    await late;
    expect([store.total, clock.pending]).toEqual([4, 0]);
  });

  test('of more clients than there is room for make room, and what they have left goes back', async () => {
    const { store, one } = leasing({ maxKeys: 2 });
    for (const key of ['a', 'b', 'c']) await allowed(one, 2, key);
    // Each has used two; those of the last two are still held.
    expect(store.total).toBe(2 + 6 + 6);
  });

  test('who comes while a lease is asked for waits for it', async () => {
    const { store, one } = leasing();
    await allowed(one, 1);
    store.slow = [];
    const many = Promise.all(Array.from({ length: 5 }, () => one.consume('a')));
    expect(store.slow).toHaveLength(1);
    store.slow.pop()!();
    expect((await many).every((verdict) => verdict.allowed)).toBe(true);
    expect(store.calls).toBe(2);
  });

  test('who waits does not wait for every lease in turn, however many come at once', async () => {
    const { store, one } = leasing({ limit: 1000, windowMs: 10_000_000 });
    store.slow = [];
    const consume = (count: number) => Array.from({ length: count }, () => one.consume('a'));
    const many = consume(100);
    let rounds = 0;
    for (; store.slow.length > 0; rounds++) {
      store.slow.splice(0).forEach((answer) => answer());
      await new Promise((resolve) => setImmediate(resolve));
      // Those who come later wait for the one after it, which is for them alone.
      if (rounds === 0) many.push(...consume(10));
    }
    expect((await Promise.all(many)).every((verdict) => verdict.allowed)).toBe(true);
    expect([rounds, store.calls, store.total]).toEqual([3, 3, 110]);
  });

  test('of a store that fails is none, and each process goes by what it has seen', async () => {
    const { store, one } = leasing();
    store.fails = true;
    expect(await allowed(one, 120)).toBe(100);
    expect(one.stats!()).toMatchObject({ store: 'away', degradedTotal: 100 });
  });

  test('that are too small for the next request go back with the call that takes anew', async () => {
    const { store, one } = leasing();
    for (let at = 0; at < 4; at++) await one.consume('a', { units: 2 });
    // Two, five, and four with the one that was left.
    expect([store.calls, store.total]).toEqual([3, 11]);
  });

  test('are never more than a twentieth of the limit', async () => {
    const { store, one } = leasing({ limit: 40, leaseUnits: 1000 });
    await allowed(one, 2);
    expect(store.total).toBe(3);
  });

  test('of a key that is forgotten are forgotten, too', async () => {
    const { store, one } = leasing();
    await allowed(one, 4);
    await one.reset('a');
    expect(store.total).toBe(0);
    expect(await allowed(one, 100)).toBe(100);
  });

  test('however requests are spread, no more than the limit is admitted, and all of it in the end', async () => {
    const step = fc.record({
      other: fc.boolean(),
      requests: fc.integer({ min: 1, max: 12 }),
      passMs: fc.constantFrom(0, 0, 10, 400, 1000),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 9 }),
        async (steps, leaseUnits) => {
          const { clock, one, other } = leasing({ leaseUnits });
          let admitted = 0;
          for (const { other: isOther, requests, passMs } of steps) {
            admitted += await allowed(isOther ? other : one, requests);
            clock.advance(passMs);
          }
          expect(admitted).toBeLessThanOrEqual(100);
          // Both give back what is left idle, and then one has the rest.
          for (const limiter of [one, other]) {
            clock.advance(1000);
            admitted += await allowed(limiter, 1);
          }
          clock.advance(1000);
          await allowed(other, 1, 'somebody else');
          admitted += await allowed(one, 200);
          expect(admitted).toBe(100);
        },
      ),
      { numRuns: 60 },
    );
  });
});
