/** The ways of counting, against a log of every unit. */
import {
  array,
  assert as assertProperty,
  constantFrom,
  integer,
  property,
  tuple,
} from 'fast-check';

import type { Algorithm } from '../src/algorithm.ts';
import { algorithmOf } from '../src/algorithms.ts';
import { CellColumns } from '../src/cell-columns.ts';
import type { AlgorithmName, PolicyOptions } from '../src/policy-options.ts';

const WINDOW_MS = 1000;

const ALL: readonly AlgorithmName[] = ['fixed', 'sliding', 'token-bucket', 'gcra'];

function made(algorithm: AlgorithmName, limit: number, burst?: number): Algorithm {
  const options: PolicyOptions = {
    algorithm,
    limit,
    burst,
    windowMs: WINDOW_MS,
    by: 'address',
    shadow: false,
  };
  const one = algorithmOf(options);
  one.reserve(4);
  for (let slot = 0; slot < 4; slot++) one.clear(slot);
  return one;
}

/** What was admitted, and when. */
type Log = { readonly atMs: number; units: number }[];

/** The most units in any window that ends with one of them. */
function worstWindow(log: Log): number {
  return Math.max(
    0,
    ...log.map(({ atMs: endMs }) =>
      log
        .filter(({ atMs }) => atMs > endMs - WINDOW_MS && atMs <= endMs)
        .reduce((sum, { units }) => sum + units, 0),
    ),
  );
}

const inWindow = (log: Log, nowMs: number): number =>
  log.filter(({ atMs }) => atMs > nowMs - WINDOW_MS).reduce((sum, { units }) => sum + units, 0);

/** Asks and takes at each step, as the limiter does. */
function run(one: Algorithm, steps: readonly (readonly [number, number])[]): Log {
  const log: Log = [];
  let nowMs = 5000;
  for (const [passMs, units] of steps) {
    nowMs += passMs;
    if (one.available(1, nowMs) < units) continue;
    one.take(1, units, nowMs);
    log.push({ atMs: nowMs, units });
  }
  return log;
}

const steps = (maxPassMs: number, maxUnits: number) =>
  array(tuple(integer({ min: 0, max: maxPassMs }), integer({ min: 1, max: maxUnits })), {
    minLength: 1,
    maxLength: 150,
    size: 'max',
  });
const limits = constantFrom(1, 2, 3, 7, 19, 20, 21, 40, 99, 100, 1000);

describe('sliding', () => {
  test('admits no more than the limit in any window, and at most a twentieth less than a full log', () => {
    assertProperty(
      property(limits, steps(90, 60), (limit, all) => {
        const one = made('sliding', limit);
        const log: Log = [];
        let nowMs = 5000;
        let [leastTooFew, mostTooFew] = [0, 0];
        for (const [passMs, units] of all) {
          nowMs += passMs;
          const available = one.available(1, nowMs);
          const tooFew = limit - inWindow(log, nowMs) - available;
          mostTooFew = Math.max(mostTooFew, tooFew);
          leastTooFew = Math.min(leastTooFew, tooFew);
          if (available < units) continue;
          one.take(1, units, nowMs);
          log.push({ atMs: nowMs, units });
        }
        expect(leastTooFew).toBe(0);
        expect(mostTooFew).toBeLessThan(Math.ceil(limit / 20));
        expect(worstWindow(log)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  test('at twice the limit, evenly, it keeps at least 95% of the limit and never exceeds it', () => {
    const log = run(
      made('sliding', 100),
      Array.from({ length: 2000 }, () => [5, 1] as const),
    );
    expect(worstWindow(log)).toBeLessThanOrEqual(100);
    expect(log.length).toBeGreaterThanOrEqual(950);
  });

  test('what is given back never lets a window exceed the limit by what stayed', () => {
    assertProperty(
      property(
        limits,
        array(
          tuple(
            integer({ min: 0, max: 250 }),
            integer({ min: 1, max: 30 }),
            integer({ min: 0, max: 30 }),
            integer({ min: 0, max: 20 }),
          ),
          { maxLength: 200, size: 'max' },
        ),
        (limit, all) => {
          const one = made('sliding', limit);
          const log: Log = [];
          let nowMs = 5000;
          let mostTooMany = 0;
          for (const [passMs, units, back, whose] of all) {
            nowMs += passMs;
            if (one.available(1, nowMs) >= units) {
              one.take(1, units, nowMs);
              log.push({ atMs: nowMs, units });
            }
            const entry = log.at(-1 - whose);
            if (entry === undefined) continue;
            const given = Math.min(back, entry.units);
            one.give(1, given, entry.atMs, nowMs);
            entry.units -= given;
            const tooMany = one.available(1, nowMs) - (limit - inWindow(log, nowMs));
            mostTooMany = Math.max(mostTooMany, tooMany);
          }
          expect(mostTooMany).toBe(0);
        },
      ),
    );
  });

  test('never has more than 21 cells, whatever is given back or taken on credit', () => {
    const written = jest.spyOn(CellColumns.prototype, 'set');
    const one = made('sliding', 100);
    for (let nowMs = 0; nowMs < 400; nowMs++) {
      one.take(1, 7, nowMs);
      if (nowMs > 10) one.give(1, 5, nowMs - 10, nowMs);
    }
    expect(Math.max(...written.mock.calls.map(([age]) => age))).toBe(20);
    written.mockRestore();
    expect(one.available(1, 400)).toBeLessThan(0);
    expect(one.available(1, 1400)).toBe(100);
  });

  test('gives back exactly while the log is exact', () => {
    const one = made('sliding', 10);
    one.take(1, 4, 0);
    one.take(1, 6, 500);
    one.give(1, 3, 0, 600);
    expect(one.available(1, 600)).toBe(3);
    // One of the first is left, and leaves when they would have.
    expect(one.available(1, 999)).toBe(3);
    expect(one.available(1, 1000)).toBe(4);
    one.give(1, 4, 0, 1100);
    expect(one.available(1, 1100)).toBe(4);
  });
});

describe('fixed', () => {
  test('admits the limit in its window, and twice that around an edge', () => {
    const one = made('fixed', 10);
    one.take(1, 1, 0);
    one.take(1, 9, 999);
    expect(one.available(1, 999)).toBe(0);
    expect(one.waitMs(1, 1, 999)).toBe(1);
    expect(one.available(1, 1000)).toBe(10);
  });

  test('gives nothing back to a window that has begun since', () => {
    const one = made('fixed', 10);
    one.take(1, 5, 0);
    one.take(1, 5, 1000);
    one.give(1, 5, 0, 1100);
    expect(one.available(1, 1100)).toBe(5);
    one.give(1, 2, 1000, 1100);
    expect(one.available(1, 1100)).toBe(7);
  });

  test('no window of its own exceeds the limit', () => {
    assertProperty(
      property(limits, steps(90, 60), (limit, all) => {
        expect(worstWindow(run(made('fixed', limit), all))).toBeLessThanOrEqual(2 * limit);
      }),
    );
  });
});

describe.each(['token-bucket', 'gcra'] as const)('%s', (name) => {
  test('admits its burst at once, and no more than that and the limit in any window', () => {
    assertProperty(
      property(limits, integer({ min: 1, max: 50 }), steps(90, 20), (limit, burst, all) => {
        const one = made(name, limit, burst);
        expect(one.available(1, 5000)).toBe(burst);
        expect(worstWindow(run(one, all))).toBeLessThanOrEqual(limit + burst);
      }),
    );
  });

  test('gives one back at a time, evenly', () => {
    const one = made(name, 10, 5);
    one.take(1, 5, 0);
    expect(one.available(1, 99)).toBe(0);
    expect(one.available(1, 100)).toBe(1);
    expect(one.available(1, 250)).toBe(2);
    expect(one.available(1, 10_000)).toBe(5);
  });

  test('never gives back more than there is room for', () => {
    const one = made(name, 10, 5);
    one.take(1, 5, 0);
    one.give(1, 5, 0, 400);
    expect(one.available(1, 400)).toBe(5);
    one.take(1, 5, 400);
    expect(one.available(1, 400)).toBe(0);
  });

  test('has the burst of its own default', () => {
    expect(made('token-bucket', 100).capacity).toBe(100);
    expect(made('gcra', 100).capacity).toBe(10);
    expect(made('gcra', 3).capacity).toBe(1);
  });
});

describe.each(ALL)('%s', (name) => {
  test('tells the truth about waits: enough then, and not a ms before', () => {
    assertProperty(
      property(limits, steps(60, 30), integer({ min: 1, max: 30 }), (limit, all, units) => {
        const one = made(name, limit);
        run(one, all);
        const nowMs = 5000 + all.reduce((sum, [passMs]) => sum + passMs, 0);
        const possible = units <= one.capacity;
        const enough = one.available(1, nowMs) >= units;
        const waitMs = one.waitMs(1, units, nowMs);
        expect(waitMs === 0).toBe(enough);
        expect(waitMs).toBeLessThanOrEqual(WINDOW_MS);
        // What is more than can be had at once never can.
        expect(possible || waitMs === WINDOW_MS).toBe(true);
        expect(waitMs > 1 && one.available(1, nowMs + waitMs - 1) >= units).toBe(false);
        expect(one.available(1, nowMs + waitMs) >= units).toBe(possible);
      }),
    );
  });

  test('tells when there is more, and that is never later than a wait for more', () => {
    assertProperty(
      property(limits, steps(60, 30), (limit, all) => {
        const one = made(name, limit);
        run(one, all);
        const nowMs = 5000 + all.reduce((sum, [passMs]) => sum + passMs, 0);
        const available = one.available(1, nowMs);
        const isFull = available === one.capacity;
        const resetMs = one.resetMs(1, nowMs);
        expect(resetMs > 0 || isFull).toBe(true);
        expect(isFull || resetMs <= one.waitMs(1, available + 1, nowMs) + 1e-3).toBe(true);
        expect(isFull || one.available(1, nowMs + resetMs) > available).toBe(true);
      }),
    );
  });

  test('takes on credit, and waits for it', () => {
    const one = made(name, 10);
    one.take(1, 25, 0);
    expect(one.available(1, 0)).toBeLessThan(0);
    expect(one.waitMs(1, 1, 0)).toBeGreaterThan(0);
    expect(one.available(1, 10_000)).toBe(one.capacity);
  });

  test('gives nothing back that has come back by itself', () => {
    const one = made(name, 10, 10);
    one.take(1, one.capacity, 0);
    one.take(1, one.capacity, WINDOW_MS);
    one.give(1, one.capacity, 0, WINDOW_MS);
    expect(one.available(1, WINDOW_MS)).toBe(0);
  });

  test('counts keys apart, and a slot begun anew has no past', () => {
    const one = made(name, 10);
    one.take(1, one.capacity, 0);
    expect(one.available(2, 0)).toBe(one.capacity);
    one.reserve(100);
    expect(one.available(1, 0)).toBe(0);
    one.clear(1);
    expect(one.available(1, 0)).toBe(one.capacity);
  });

  test('admits a share when it is scaled, and all again', () => {
    const one = made(name, 100);
    const full = one.capacity;
    one.scale(0.5);
    expect(one.limit).toBe(50);
    expect(one.available(1, 0)).toBe(Math.floor(full / 2));
    one.scale(0.001);
    expect(one.available(1, 0)).toBe(1);
    one.scale(1);
    expect(one.limit).toBe(100);
    expect(one.available(1, 0)).toBe(full);
  });
});
