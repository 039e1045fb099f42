import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { type CallContext, FAULT_CHANNEL } from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import { compose, hedge, retry, retryBudget, type RetryEvent } from '@org/retry';
import { array, check, double, property } from 'fast-check';

import { LatencySketch } from '../src/latency-sketch.ts';
import { flakyServer } from './flaky-server.ts';

/** A call whose legs a test ends by hand. */
function manual<T = string>() {
  const legs: {
    readonly context: CallContext;
    resolve(result: T): void;
    reject(error: Error): void;
  }[] = [];
  const call = (context: CallContext): Promise<T> =>
    new Promise((resolve, reject) => legs.push({ context, resolve, reject }));
  return { call, legs };
}

/** Makes calls that take so long, one after another. */
async function measure(
  made: { run<T>(call: (context: CallContext) => Promise<T>): Promise<T> },
  clock: FakeClock,
  durations: readonly number[],
): Promise<void> {
  for (const ms of durations) {
    const { call, legs } = manual();
    const done = made.run(call);
    clock.advance(ms);
    legs[0]!.resolve('measured');
    await done;
  }
}

describe('a hedge', () => {
  test('makes no second call while the first is quick', async () => {
    const clock = fakeClock();
    const made = hedge({ afterMs: 50, clock });
    const { call, legs } = manual();
    const result = made.run(call);
    clock.advance(49);
    legs[0]!.resolve('quick');
    await expect(result).resolves.toBe('quick');
    clock.advance(100);
    expect(legs).toHaveLength(1);
    expect(clock.pending).toBe(0);
    expect(made.stats()).toMatchObject({ callsTotal: 1, hedgesTotal: 0, hedgesWonTotal: 0 });
  });

  test('takes what it cannot judge as it came', async () => {
    const clock = fakeClock();
    const faults: unknown[] = [];
    const listen = (fault: unknown): void => void faults.push(fault);
    subscribe(FAULT_CHANNEL, listen);
    try {
      const made = hedge({
        afterMs: 50,
        clock,
        isFailure(result) {
          throw new Error(`what is ${String(result)}?`);
        },
      });
      await expect(made.run(() => Promise.resolve('quick'))).resolves.toBe('quick');
      const { call, legs } = manual();
      const result = made.run(call);
      clock.advance(50);
      legs[1]!.resolve('second');
      await expect(result).resolves.toBe('second');
      expect(legs[0]!.context.signal!.aborted).toBe(true);
      expect(faults).toHaveLength(2);
    } finally {
      unsubscribe(FAULT_CHANNEL, listen);
    }
  });

  test('takes what comes first, and aborts the other', async () => {
    const clock = fakeClock();
    const events: RetryEvent[] = [];
    const made = hedge({ afterMs: 50, clock, onEvent: (event) => void events.push(event) });
    const { call, legs } = manual();
    const result = made.run(call);
    clock.advance(50);
    legs[1]!.resolve('second');
    await expect(result).resolves.toBe('second');
    expect(legs.map(({ context }) => context.signal!.aborted)).toEqual([true, false]);
    expect(legs[0]!.context.signal!.reason).toMatchObject({ code: 'ERR_HEDGE_LOST' });
    legs[0]!.reject(new Error('aborted'));
    expect(made.stats()).toMatchObject({ hedgesTotal: 1, hedgesWonTotal: 1 });
    expect(events).toEqual([
      { type: 'hedge', name: 'hedge', delayMs: 50 },
      { type: 'hedge-won', name: 'hedge' },
    ]);
  });

  test('the first may still be sooner', async () => {
    const clock = fakeClock();
    const made = hedge({ afterMs: 50, clock });
    const { call, legs } = manual();
    const result = made.run(call);
    clock.advance(50);
    legs[0]!.resolve('first');
    await expect(result).resolves.toBe('first');
    expect(legs.map(({ context }) => context.signal!.aborted)).toEqual([false, true]);
    expect(made.stats()).toMatchObject({ hedgesTotal: 1, hedgesWonTotal: 0 });
  });

  test('an error before the second is made is the call’s', async () => {
    const clock = fakeClock();
    const { call, legs } = manual();
    const result = hedge({ afterMs: 50, clock }).run(call);
    legs[0]!.reject(new Error('failed'));
    await expect(result).rejects.toThrow('failed');
    clock.advance(100);
    expect(legs).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('has failed when both have', async () => {
    const clock = fakeClock();
    const made = hedge({ afterMs: 50, clock });
    const one = manual();
    const saved = made.run(one.call);
    clock.advance(50);
    one.legs[0]!.reject(new Error('first'));
    one.legs[1]!.resolve('second');
    await expect(saved).resolves.toBe('second');
    const two = manual();
    const lost = made.run(two.call);
    clock.advance(50);
    two.legs[1]!.reject(new Error('second'));
    two.legs[0]!.reject(new Error('first'));
    await expect(lost).rejects.toThrow('first');
  });

  test('an answer that is a failure is taken only if nothing better comes', async () => {
    const clock = fakeClock();
    const made = hedge({ afterMs: 50, clock });
    const answers = [503, 200].map((status) => new Response(String(status), { status }));
    const one = manual<Response>();
    const better = made.run(one.call);
    clock.advance(50);
    one.legs[1]!.resolve(answers[0]!);
    await new Promise(setImmediate);
    one.legs[0]!.resolve(answers[1]!);
    await expect(better).resolves.toBe(answers[1]);
    await new Promise(setImmediate);
    expect(answers[0]!.bodyUsed).toBe(true);
    const poor = new Response('poor', { status: 500 });
    const two = manual<Response>();
    const worse = made.run(two.call);
    clock.advance(50);
    two.legs[0]!.resolve(poor);
    await new Promise(setImmediate);
    two.legs[1]!.reject(new Error('no answer'));
    await expect(worse).resolves.toBe(poor);
    await expect(poor.text()).resolves.toBe('poor');
  });

  test('waits as long as nearly all calls took lately', async () => {
    const clock = fakeClock();
    const made = hedge({ clock, minSamples: 20 });
    await measure(
      made,
      clock,
      Array.from({ length: 19 }, () => 10),
    );
    expect(made.stats().delayMs).toBeUndefined();
    await measure(made, clock, [400]);
    // 19 of 20 took no longer than 10 ms; the sketch is a tenth too long at most.
    const { delayMs } = made.stats() as { delayMs: number };
    expect(delayMs).toBeGreaterThanOrEqual(10);
    expect(delayMs).toBeLessThanOrEqual(11);
    // What is too old to count is forgotten.
    clock.advance(200_000);
    expect(made.stats().delayMs).toBeUndefined();
  });

  test('waits for the first at least as long as it is told, however quick all are', async () => {
    const clock = fakeClock();
    const made = hedge({ clock, minSamples: 1, minDelayMs: 5 });
    await measure(made, clock, [1]);
    expect(made.stats().delayMs).toBe(5);
  });

  test('gives back the body of a loser that does not listen', async () => {
    const clock = fakeClock();
    const { call, legs } = manual<Response>();
    const result = hedge({ afterMs: 50, clock }).run(call);
    clock.advance(50);
    legs[1]!.resolve(new Response('second'));
    await result;
    const late = new Response('late');
    legs[0]!.resolve(late);
    await new Promise(setImmediate);
    expect(late.bodyUsed).toBe(true);
  });

  test('draws on the budget, shared with whoever is given it', async () => {
    const clock = fakeClock();
    const budget = retryBudget({ ratio: 0.5, minPerSecond: 0, clock });
    const [one, other] = [
      hedge({ afterMs: 50, budget, clock }),
      hedge({ afterMs: 50, budget, clock }),
    ];
    const calls = [one, other, other].map((made) => {
      const { call, legs } = manual();
      const result = made.run(call);
      clock.advance(50);
      return { result, legs };
    });
    expect(calls.map(({ legs }) => legs.length)).toEqual([1, 2, 1]);
    expect(one.stats()).toMatchObject({ budgetExhaustedTotal: 1 });
    for (const { result, legs } of calls) {
      legs[0]!.resolve('done');
      await result;
    }
  });

  test('leaves counting to the retry around it where they share an account', async () => {
    const clock = fakeClock();
    const budget = retryBudget({ ratio: 1, minPerSecond: 0, clock });
    const shared = { budget, budgetName: 'weather', clock };
    const made = compose(retry({ ...shared, baseDelayMs: 0 }), hedge(shared));
    for (let call = 0; call < 5; call++) await made.run(() => Promise.resolve());
    const account = budget.account('weather');
    let left = 0;
    while (account.take()) left++;
    expect(left).toBe(5);
  });

  test('ends with the caller, and makes no second call for one who has gone', async () => {
    const clock = fakeClock();
    const made = hedge({ afterMs: 50, clock });
    const caller = new AbortController();
    const { call, legs } = manual();
    const result = made.run(call, { signal: caller.signal });
    caller.abort(new Error('gone'));
    expect(legs[0]!.context.signal!.reason).toMatchObject({ message: 'gone' });
    clock.advance(50);
    expect(legs).toHaveLength(1);
    legs[0]!.reject(new Error('gone'));
    await expect(result).rejects.toThrow('gone');
    await expect(made.run(call, { signal: caller.signal })).rejects.toThrow('gone');
    expect(legs).toHaveLength(1);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
  });

  test('leaves neither timers nor listeners behind', async () => {
    const clock = fakeClock();
    const made = hedge({ afterMs: 50, clock });
    const { signal } = new AbortController();
    for (let call = 0; call < 5000; call++) {
      await made.run(() => Promise.resolve(), { signal });
      await made.run(() => Promise.reject(new Error('x')), { signal }).catch(() => {});
    }
    expect(clock.pending).toBe(0);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('closed, it makes no second call any more, also for those under way', async () => {
    const clock = fakeClock();
    const made = hedge({ afterMs: 50, clock });
    const { call, legs } = manual();
    const result = made.run(call);
    made.close();
    made.close();
    expect(clock.pending).toBe(0);
    clock.advance(50);
    legs[0]!.resolve('alone');
    await expect(result).resolves.toBe('alone');
    expect(legs).toHaveLength(1);
  });

  test('cancels the loser on its server', async () => {
    const clock = fakeClock();
    const { url, seen, close } = await flakyServer('silence', 200);
    const made = hedge({ afterMs: 50, clock });
    const result = made.run(({ signal = null }) => fetch(url, { signal }));
    while (seen.length === 0) await new Promise(setImmediate);
    clock.advance(50);
    const answer = await result;
    await expect(answer.text()).resolves.toBe('200');
    await seen[0]!.closed;
    await close();
  });
});

describe('the latency sketch', () => {
  test('tells a quantile at most a tenth too long, in bounded space', () => {
    const durations = array(double({ min: 0.5, max: 100_000, noNaN: true }), { minLength: 1 });
    const { counterexample } = check(
      property(durations, double({ min: 0.01, max: 1, noNaN: true }), (times, share) => {
        const sketch = new LatencySketch(1000);
        for (const ms of times) sketch.note(ms, 0);
        const exact = times.toSorted((a, b) => a - b)[Math.ceil(times.length * share) - 1]!;
        const told = sketch.quantileMs(share, 0, 1)!;
        return told >= exact * 0.999_999 && told <= exact * 1.100_001;
      }),
    );
    expect(counterexample).toBeNull();
  });

  test('remembers the last window and the one before', () => {
    const sketch = new LatencySketch(1000);
    sketch.note(10, 0);
    expect(sketch.quantileMs(0.5, 1999, 1)).toBeGreaterThanOrEqual(10);
    expect(sketch.quantileMs(0.5, 2000, 1)).toBeUndefined();
    sketch.note(10, 2000);
    expect(sketch.quantileMs(0.5, 4500, 1)).toBeUndefined();
    sketch.note(500, 4500);
    expect(sketch.quantileMs(0.01, 4500, 1)).toBeGreaterThanOrEqual(500);
  });

  test('takes any time at all', () => {
    const sketch = new LatencySketch(1000);
    for (const ms of [0, 1e-9, 1e12]) sketch.note(ms, 0);
    expect(sketch.quantileMs(0.5, 0, 1)).toBe(0.5);
    expect(sketch.quantileMs(1, 0, 1)).toBeGreaterThan(100_000);
  });
});
