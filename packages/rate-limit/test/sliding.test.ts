/** Limits across processes by counters that slide: never too much in any window, whenever it begins. */
import { type MemoryStore, memoryStore, type Slice } from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import { type RateLimit, rateLimit, type RateLimitOptions } from '@org/rate-limit';
import {
  array,
  assert as assertProperty,
  asyncProperty,
  constantFrom,
  integer,
  record,
} from 'fast-check';

const WINDOW_MS = 10_000;

interface Fleet {
  readonly store: MemoryStore;
  readonly clock: FakeClock;
  readonly limiters: readonly RateLimit[];
}

/** Processes that share a store, each call of which takes a turn of the loop. */
function fleet(size: number, options: Partial<RateLimitOptions> = {}): Fleet {
  const clock = fakeClock(1_000_000_000);
  const store = memoryStore({ clock });
  const far = {
    add: store.add,
    slide: async (key: string, amount: number, slice: Slice) => store.slide(key, amount, slice),
  };
  const make = (): RateLimit =>
    rateLimit({ limit: 100, windowMs: WINDOW_MS, store: far, clock, ...options });
  return { store, clock, limiters: Array.from({ length: size }, make) };
}

/** The most that any window holds of what was admitted at these times. */
function worstOf(times: readonly number[]): number {
  let [worst, from] = [0, 0];
  for (const [at, time] of times.entries()) {
    while (times[from]! <= time - WINDOW_MS) from++;
    worst = Math.max(worst, at - from + 1);
  }
  return worst;
}

async function allowed(limiter: RateLimit, count: number, key: string = 'a'): Promise<number> {
  let yes = 0;
  for (let at = 0; at < count; at++) if ((await limiter.consume(key)).allowed) yes++;
  return yes;
}

test.each([1, 5])(
  'whenever who comes, and to whichever process, no window holds more than the limit (leases of %p)',
  async (leaseUnits) => {
    const visit = record({
      waitMs: constantFrom(0, 1, 20, 499, 500, 3000),
      to: integer({ min: 0, max: 2 }),
      units: integer({ min: 1, max: 9 }),
    });
    await assertProperty(
      asyncProperty(array(visit, { minLength: 50, maxLength: 200 }), async (visits) => {
        const { clock, limiters } = fleet(3, { leaseUnits });
        const times: number[] = [];
        for (const { waitMs, to, units } of visits) {
          clock.advance(waitMs);
          const verdict = await limiters[to]!.consume('a', { units });
          if (verdict.allowed) times.push(...Array.from({ length: units }, () => clock.now()));
        }
        expect(worstOf(times)).toBeLessThanOrEqual(100);
      }),
      { numRuns: 60 },
    );
  },
);

test.each([0, 1, 2500, 4999, 7777, 9999])(
  'at twice the limit, evenly, from %p ms on, it keeps at least 95% of the limit and never exceeds it',
  async (beginMs) => {
    const { clock, limiters } = fleet(4);
    clock.advance(beginMs);
    const times: number[] = [];
    for (let step = 0; step < 1000; step++) {
      clock.advance(50);
      if ((await limiters[step % 4]!.consume('a')).allowed) times.push(clock.now());
    }
    expect(worstOf(times)).toBeLessThanOrEqual(100);
    // Five windows.
    expect(times.length).toBeGreaterThanOrEqual(475);
  },
);

test('a burst as a slice ends, and more as that slice begins to leave, are no more than the limit', async () => {
  const { clock, limiters } = fleet(2);
  clock.advance(499);
  expect(await allowed(limiters[0]!, 100)).toBe(100);
  const times = Array.from({ length: 100 }, () => clock.now());
  for (let step = 0; step < 1200; step++) {
    clock.advance(10);
    if ((await limiters[1]!.consume('a')).allowed) times.push(clock.now());
  }
  expect(worstOf(times)).toBeLessThanOrEqual(100);
  expect(times.length).toBe(200);
});

test('who is refused is told when there is room, and then there is', async () => {
  const { clock, limiters } = fleet(2, { limit: 10 });
  const [one, other] = limiters as [RateLimit, RateLimit];
  await allowed(one, 4);
  clock.advance(1200);
  await allowed(one, 6);
  const refused = await other.consume('a', { units: 5 });
  expect(refused.allowed).toBe(false);
  // Four are free when the first slice has left, and the fifth with the third one.
  expect(refused.retryAfterMs).toBeCloseTo(11_500 - 1200);
  expect(refused.policies[0]).toMatchObject({ remaining: 0, resetMs: 10_500 - 1200 });
  clock.advance(refused.retryAfterMs - 1);
  expect((await other.consume('a', { units: 5 })).allowed).toBe(false);
  clock.advance(1);
  expect((await other.consume('a', { units: 5 })).allowed).toBe(true);
});

test('what one policy refuses is given back to the others, where it was counted', async () => {
  const { clock, limiters } = fleet(2, {
    policies: { window: { limit: 10 }, day: { limit: 3, windowMs: 1_000_000, algorithm: 'fixed' } },
  });
  const [one, other] = limiters as [RateLimit, RateLimit];
  await allowed(one, 3);
  clock.advance(600);
  expect(await allowed(other, 3)).toBe(0);
  expect((await one.peek('a')).policies).toMatchObject([{ remaining: 7 }, { remaining: 0 }]);
});

test('a key that is reset begins anew, in all of its slices', async () => {
  const { clock, limiters } = fleet(2, { limit: 10 });
  const [one, other] = limiters as [RateLimit, RateLimit];
  await allowed(one, 5);
  clock.advance(3000);
  await allowed(other, 5);
  expect(await allowed(one, 1)).toBe(0);
  await one.reset('a');
  expect(await allowed(one, 11)).toBe(10);
});

test('a decision is one call, and one that is refused two', async () => {
  const { store, limiters } = fleet(2, { limit: 2 });
  const slide = jest.spyOn(store, 'slide');
  expect(await allowed(limiters[0]!, 2)).toBe(2);
  expect(slide).toHaveBeenCalledTimes(2);
  expect(await allowed(limiters[1]!, 1)).toBe(0);
  expect(slide).toHaveBeenCalledTimes(4);
});

test('what is leased of a slice that is over goes back to it at once', async () => {
  const { store, clock, limiters } = fleet(1, { leaseUnits: 5 });
  await allowed(limiters[0]!, 3);
  const held = (age: number): readonly number[] =>
    store.slide('rate-limit:default:a', 0, {
      number: Math.floor(clock.now() / 500) - age,
      lengthMs: 500,
      before: 20,
    }) as readonly number[];
  expect(held(0)[0]).toBe(6);
  clock.advance(500);
  await allowed(limiters[0]!, 1);
  expect(held(0).slice(0, 2)).toEqual([1, 3]);
});

test('a window of few milliseconds has slices of one', async () => {
  const { clock, limiters } = fleet(2, { limit: 3, windowMs: 5 });
  expect(await allowed(limiters[0]!, 5)).toBe(3);
  clock.advance(5);
  expect(await allowed(limiters[1]!, 1)).toBe(0);
  clock.advance(1);
  expect(await allowed(limiters[1]!, 5)).toBe(3);
});
