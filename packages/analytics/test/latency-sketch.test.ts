import * as fc from 'fast-check';

import { LatencySketch, LEAST_MS, MOST_MS, RELATIVE_ERROR } from '../src/latency-sketch.ts';

const durations = fc.array(fc.double({ min: LEAST_MS, max: MOST_MS, noNaN: true }), {
  minLength: 1,
  maxLength: 300,
});

function sketchOf(values: readonly number[]): LatencySketch {
  const sketch = new LatencySketch();
  for (const value of values) sketch.add(value);
  return sketch;
}

describe('the sketch of latencies', () => {
  test('answers every quantile within its bounds, and within the error that it states', () => {
    fc.assert(
      fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const ordered = values.toSorted((one, other) => one - other);
        const truth = ordered[Math.max(1, Math.ceil(share * values.length)) - 1]!;
        const { value, atLeast, atMost, confidence } = sketchOf(values).quantile(share)!;
        expect(confidence).toBe(1);
        expect(atLeast).toBeLessThanOrEqual(truth);
        expect(atMost).toBeGreaterThanOrEqual(truth);
        // Four digits are shown.
        expect(Math.abs(value - truth)).toBeLessThanOrEqual((RELATIVE_ERROR + 0.001) * truth);
      }),
    );
  });

  test('merged is the sketch of all values', () => {
    fc.assert(
      fc.property(fc.array(durations, { maxLength: 5 }), (parts) => {
        const merged = new LatencySketch();
        for (const part of parts) merged.merge(sketchOf(part).state());
        const whole = sketchOf(parts.flat());
        expect(merged.state()).toEqual(whole.state());
        expect(merged.latency()).toEqual(whole.latency());
      }),
    );
  });

  test('knows the longest as it is, and nothing of none', () => {
    expect(sketchOf([3, 123.4, 7]).latency().max).toBe(123.4);
    expect(new LatencySketch().latency()).toEqual({ p50: null, p95: null, p99: null, max: null });
  });

  test('takes what is shorter and longer than it tells apart', () => {
    const sketch = sketchOf([0, 0.01, 5 * MOST_MS]);
    expect(sketch.quantile(0.5)).toEqual({ value: 0.1, atLeast: 0, atMost: 0.1, confidence: 1 });
    expect(sketch.quantile(1)).toMatchObject({ atMost: 5 * MOST_MS });
  });
});
