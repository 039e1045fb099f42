/** Percentiles in fixed memory. */
import * as fc from 'fast-check';

import { Quantiles } from '../src/quantiles.ts';

test('a percentile is within 2.5% of the truth, and never over the largest', () => {
  const durations = fc.array(fc.double({ min: 0.01, max: 100_000, noNaN: true }), {
    minLength: 1,
    maxLength: 300,
  });
  fc.assert(
    fc.property(durations, (given) => {
      const quantiles = new Quantiles(60_000);
      for (const one of given) quantiles.record(one, 0);
      const sorted = given.toSorted((one, other) => one - other);
      const read = quantiles.read(0);
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
  const quantiles = new Quantiles(1000);
  quantiles.record(50, 0);
  quantiles.record(10, 1500);
  expect(quantiles.read(1500).max).toBe(50);
  expect(quantiles.read(2600).max).toBe(10);
  expect(quantiles.read(9000)).toEqual({ p50: 0, p95: 0, p99: 0, max: 0 });
});
