/** What rates are taken of, against the plainest way to count it. */
import * as fc from 'fast-check';

import { CountWindow } from '../src/count-window.ts';
import { HalfOpen } from '../src/half-open.ts';
import { HealthScore } from '../src/health-score.ts';
import { openTimeMs } from '../src/open-times.ts';
import { TimeWindow } from '../src/time-window.ts';

const calls = fc.array(
  fc.record({ afterMs: fc.integer({ min: 0, max: 700 }), hit: fc.boolean() }),
  {
    maxLength: 200,
  },
);

test('a count window holds the last so many calls', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.boolean()), (size, hits) => {
      const window = new CountWindow(size);
      for (const [at, hit] of hits.entries()) {
        window.add(hit);
        const last = hits.slice(Math.max(0, at + 1 - size), at + 1);
        expect(window.calls).toBe(last.length);
        expect(window.hits).toBe(last.filter(Boolean).length);
      }
      window.clear();
      expect([window.calls, window.hits]).toEqual([0, 0]);
    }),
  );
});

test('a time window holds all calls of its time but for the last tenth, and none that is older', () => {
  fc.assert(
    fc.property(calls, (list) => {
      const window = new TimeWindow(1000);
      let nowMs = 0;
      const seen: { atMs: number; hit: boolean }[] = [];
      for (const { afterMs, hit } of list) {
        nowMs += afterMs;
        window.add(hit, nowMs);
        seen.push({ atMs: nowMs, hit });
        const surely = seen.filter(({ atMs }) => atMs > nowMs - 900);
        const possibly = seen.filter(({ atMs }) => atMs > nowMs - 1000);
        expect(window.calls).toBeGreaterThanOrEqual(surely.length);
        expect(window.calls).toBeLessThanOrEqual(possibly.length);
        expect(window.hits).toBeGreaterThanOrEqual(surely.filter((one) => one.hit).length);
        expect(window.hits).toBeLessThanOrEqual(possibly.filter((one) => one.hit).length);
      }
    }),
  );
});

describe('the health score', () => {
  test('stays between 0 and 1, falls with what is bad and rises with what is good', () => {
    fc.assert(
      fc.property(calls, (list) => {
        const score = new HealthScore(1000);
        let nowMs = 0;
        for (const { afterMs, hit } of list) {
          nowMs += afterMs;
          const before = score.at(nowMs);
          score.note(hit, nowMs);
          const after = score.at(nowMs);
          expect(after).toBeGreaterThan(0);
          expect(after).toBeLessThanOrEqual(1);
          expect(hit ? after < before : after >= before).toBe(true);
        }
      }),
    );
  });

  test('forgets by half in each half-life', () => {
    const score = new HealthScore(1000);
    score.note(true, 0);
    score.note(true, 0);
    expect(score.at(0)).toBeCloseTo(1 / 3);
    expect(score.at(1000)).toBeCloseTo(1 / 2);
    expect(score.at(2000)).toBeCloseTo(2 / 3);
    expect(score.at(60_000)).toBeCloseTo(1);
  });

  test('stands still while it is held, without what was good after a fall', () => {
    const score = new HealthScore(1000);
    for (const bad of [true, false, false, false]) score.note(bad, 0);
    expect(score.at(0)).toBeCloseTo(4 / 5);
    score.hold(0);
    score.fall();
    expect(score.at(50_000)).toBeCloseTo(1 / 2);
    score.resume(50_000);
    expect(score.at(50_000)).toBeCloseTo(1 / 2);
    expect(score.at(51_000)).toBeCloseTo(2 / 3);
    score.reset();
    expect(score.at(51_000)).toBe(1);
  });
});

test('on the ramp the share of calls that goes through is the health score', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 1, noNaN: true }), (score) => {
      const half = new HalfOpen(0, 0, 1000);
      let admitted = 0;
      for (let at = 0; at < 1000; at++) if (half.admit(score, 0)) admitted++;
      expect(Math.abs(admitted - 1000 * score)).toBeLessThan(1.001);
    }),
  );
});

test('open times grow up to their limit, spread around it', () => {
  const options = { openMs: 100, openGrowth: 3, maxOpenMs: 1000, openJitterRatio: 0 };
  const times = [0, 1, 2, 3, 5000].map((openings) => openTimeMs(options, openings, () => 0.7));
  expect(times).toEqual([100, 300, 900, 1000, 1000]);
  fc.assert(
    fc.property(fc.nat(20), fc.double({ min: 0, max: 0.999, noNaN: true }), (openings, chance) => {
      const grownMs = openTimeMs(options, openings, () => 0);
      const spread = { ...options, openJitterRatio: 0.2 };
      const ratio = openTimeMs(spread, openings, () => chance) / grownMs;
      expect(ratio).toBeCloseTo(0.8 + 0.4 * chance);
    }),
  );
});
