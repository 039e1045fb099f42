import * as fc from 'fast-check';

import { cover } from '../src/cover.ts';
import { ceilTo, DAY_MS, floorTo, HOUR_MS, MINUTE_MS, type Tier, TIER_MS } from '../src/tiers.ts';

const START = Date.UTC(2026, 0, 1);
const none = { hours: new Set<number>(), days: new Set<number>() };
const tier = fc.constantFrom<Tier>('minute', 'hour', 'day');

describe('the rows that tell of a period', () => {
  test('cover each moment of it once, and are as coarse as may be', () => {
    const at = fc
      .integer({ min: 0, max: 5 * 24 * 60 })
      .map((minutes) => START + minutes * MINUTE_MS);
    const marks = fc.array(fc.integer({ min: 0, max: 5 * 24 }), { maxLength: 10 });
    fc.assert(
      fc.property(at, at, tier, marks, (one, other, coarsest, oldHours) => {
        const [fromAt, toAt] = [Math.min(one, other), Math.max(one, other)];
        const hours = new Set(oldHours.map((hour) => START + hour * HOUR_MS));
        const days = new Set([...hours].map((hour) => floorTo(hour, DAY_MS)));
        const stretches = cover(fromAt, toAt, coarsest, { hours, days });
        let reached = fromAt;
        for (const stretch of stretches) {
          expect(stretch.fromAt).toBe(reached);
          expect(stretch.toAt).toBeGreaterThan(reached);
          reached = stretch.toAt;
          const lengthMs = TIER_MS[stretch.tier];
          expect(lengthMs).toBeLessThanOrEqual(TIER_MS[coarsest]);
          const old = { minute: new Set<number>(), hour: hours, day: days }[stretch.tier];
          const begins: number[] = [];
          for (let begin = stretch.fromAt; begin < stretch.toAt; begin += lengthMs) {
            begins.push(begin);
          }
          expect(begins.filter((begin) => begin % lengthMs !== 0 || old.has(begin))).toEqual([]);
          expect(stretch.toAt % lengthMs).toBe(0);
        }
        expect(reached).toBe(Math.max(fromAt, toAt));
      }),
    );
  });

  test('are days, and hours and minutes at the ends', () => {
    const fromAt = START - 90 * MINUTE_MS;
    const toAt = START + 2 * DAY_MS + HOUR_MS + MINUTE_MS;
    expect(cover(fromAt, toAt, 'day', none).map((stretch) => stretch.tier)).toEqual([
      'minute',
      'hour',
      'day',
      'hour',
      'minute',
    ]);
    expect(cover(fromAt, toAt, 'hour', none).map((stretch) => stretch.tier)).toEqual([
      'minute',
      'hour',
      'minute',
    ]);
  });
});

test('periods begin where those of UTC do', () => {
  const at = Date.UTC(2026, 2, 29, 1, 30, 15, 500);
  expect(floorTo(at, DAY_MS)).toBe(Date.UTC(2026, 2, 29));
  expect(floorTo(at, HOUR_MS)).toBe(Date.UTC(2026, 2, 29, 1));
  expect(ceilTo(at, MINUTE_MS)).toBe(Date.UTC(2026, 2, 29, 1, 31));
  expect(ceilTo(Date.UTC(2026, 2, 29), DAY_MS)).toBe(Date.UTC(2026, 2, 29));
});
