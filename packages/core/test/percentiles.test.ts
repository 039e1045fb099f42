/** Percentiles in fixed memory. */
import * as fc from 'fast-check';

import { Percentiles } from '@org/core';

test('a percentile is within 2.5% of the truth, and never over the largest', () => {
  const durations = fc.array(fc.double({ min: 0.01, max: 100_000, noNaN: true }), {
    minLength: 1,
    maxLength: 300,
  });
  fc.assert(
    fc.property(durations, (given) => {
      const percentiles = new Percentiles(60_000);
      for (const one of given) percentiles.record(one, 0);
      const sorted = given.toSorted((one, other) => one - other);
      const read = percentiles.read(0);
      for (const [ratio, told] of [
        [0.5, read.p50],
        [0.95, read.p95],
        [0.99, read.p99],
      ] as const) {
        const truth = sorted[Math.ceil(ratio * sorted.length) - 1]!;
        expect(Math.abs(told - truth)).toBeLessThanOrEqual(truth * 0.026 + 0.001);
        expect(told).toBeLessThanOrEqual(read.max);
      }
      expect(read.max).toBeCloseTo(sorted.at(-1)!, 2);
    }),
  );
});

test('tells of the last one to two windows, and then of nothing', () => {
  const percentiles = new Percentiles(1000);
  percentiles.record(50, 0);
  percentiles.record(10, 1500);
  expect(percentiles.read(1500).max).toBe(50);
  expect(percentiles.read(2600).max).toBe(10);
  expect(percentiles.read(9000)).toEqual({ p50: 0, p95: 0, p99: 0, max: 0 });
});

test('tells of counts without digits behind the point', () => {
  const percentiles = new Percentiles(1000);
  for (const value of [3, 3, 17]) percentiles.record(value, 0);
  expect(percentiles.read(0, 0)).toEqual({ p50: 3, p95: 17, p99: 17, max: 17 });
  expect(percentiles.read(0).p50).not.toBe(3);
});
