/** Sketches and windows: what they tell is near, what they add up to is exact. */
import { fakeClock } from '@org/core/testing';
import * as fc from 'fast-check';

import { RELATIVE_ERROR, Sketch } from '@org/metrics';
import { Histogram } from '../src/histogram.ts';
import { Epochs, SLICES, Window } from '../src/window.ts';

const positive = fc.double({ min: 1e-5, max: 1e7, noNaN: true });
const shares = [0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1];

function sketchOf(values: readonly number[], maxBins?: number): Sketch {
  const sketch = new Sketch(maxBins);
  for (const value of values) sketch.record(value);
  return sketch;
}

/** The least of the values that a share of all does not exceed. */
function exactQuantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
}

function expectNear(told: number, exact: number): void {
  // A billionth more for the rounding of logarithms at the edge of a bin.
  expect(Math.abs(told - exact)).toBeLessThanOrEqual(exact * (RELATIVE_ERROR + 1e-9));
}

describe('a sketch', () => {
  test('tells every percentile of any values to within its relative error', () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1, maxLength: 200 }), (values) => {
        const sketch = sketchOf(values);
        for (const q of shares) expectNear(sketch.quantile(q), exactQuantile(values, q));
        expect(sketch.max).toBe(Math.max(...values));
        expect(sketch.min).toBe(Math.min(...values));
        expect(sketch.count).toBe(values.length);
      }),
    );
  });

  test('of several parts is, once they are merged, that of all values', () => {
    fc.assert(
      fc.property(fc.array(fc.array(positive, { maxLength: 50 }), { maxLength: 6 }), (parts) => {
        const merged = new Sketch();
        for (const part of parts) merged.merge(sketchOf(part));
        const whole = sketchOf(parts.flat());
        const { sum, ...data } = merged.toData();
        const { sum: exact, ...expected } = whole.toData();
        expect(data).toEqual(expected);
        expect(sum).toBeCloseTo(exact, 3);
      }),
    );
  });

  test('comes through JSON as it was, and goes on from there', () => {
    fc.assert(
      fc.property(fc.array(positive, { maxLength: 50 }), positive, (values, more) => {
        const sketch = sketchOf(values);
        const copy = Sketch.of(
          JSON.parse(JSON.stringify(sketch.toData())) as ReturnType<Sketch['toData']>,
        );
        expect(copy.toData()).toEqual(sketch.toData());
        sketch.record(more);
        copy.record(more);
        expect(copy.toData()).toEqual(sketch.toData());
      }),
    );
  });

  test('that runs out of bins gives up the lowest: the highest stay as near', () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 100, maxLength: 200 }), (values) => {
        const sketch = sketchOf(values, 128);
        // 128 bins reach down to a thirteenth of the largest, less what a chunk leaves at its end.
        const floor = Math.max(...values) / 3;
        for (const q of [0.9, 0.95, 0.99, 1]) {
          const exact = exactQuantile(values, q);
          if (exact > floor) expectNear(sketch.quantile(q), exact);
        }
        expect(sketch.count).toBe(values.length);
        expect(sketch.toData().bins.length).toBeLessThanOrEqual(128);
      }),
    );
  });

  test('takes what is too small, negative or no number for 0', () => {
    const sketch = sketchOf([0, -5, 1e-9, Number.NaN, 10]);
    expect(sketch.count).toBe(5);
    expect(sketch.quantile(0.8)).toBe(0);
    expectNear(sketch.quantile(1), 10);
    expect(sketch.sum).toBe(10);
    expect(sketch.min).toBe(0);
  });

  test('without values tells 0, and so does one that was cleared', () => {
    const sketch = sketchOf([1, 2, 3]);
    sketch.clear();
    for (const one of [sketch, new Sketch()]) {
      expect(one.quantile(0.5)).toBe(0);
      expect(one.toData()).toMatchObject({ bins: [], zeros: 0, sum: 0, min: 0, max: 0 });
    }
  });
});

describe('a histogram', () => {
  test('counts each value in the one bucket whose end it does not exceed', () => {
    const bounds = fc
      .uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 10 })
      .map((list) => list.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(bounds, fc.array(fc.integer({ min: 0, max: 120 })), (ends, values) => {
        const histogram = new Histogram(ends);
        for (const value of values) histogram.record(value);
        for (const [at, end] of ends.entries()) {
          const upTo = [...histogram.counts]
            .slice(0, at + 1)
            .reduce((sum, count) => sum + count, 0);
          expect(upTo).toBe(values.filter((value) => value <= end).length);
        }
        expect(histogram.count).toBe(values.length);
        expect(histogram.sum).toBe(values.reduce((sum, value) => sum + value, 0));
      }),
    );
  });

  test('keeps the trace of one value of a bucket, and another one after a second', () => {
    const histogram = new Histogram([1]);
    const clock = fakeClock(0);
    const note = (spanId: string, afterMs: number): void => {
      clock.advance(afterMs);
      histogram.exemplify(0, 0.5, { traceId: 'a', spanId, sampled: true }, clock);
    };
    note('one', 0);
    note('two', 999);
    expect(histogram.exemplars[0]).toMatchObject({ spanId: 'one', at: 0 });
    note('three', 1);
    expect(histogram.exemplars[0]).toMatchObject({ spanId: 'three', value: 0.5 });
    expect(histogram.exemplars[1]).toBeUndefined();
  });
});

describe('a window', () => {
  test('holds exactly what was recorded in its last slices', () => {
    const event = fc.record({ waitMs: fc.integer({ min: 0, max: 30_000 }), value: positive });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 60 }),
        fc.integer({ min: 0, max: 100_000 }),
        (events, restMs) => {
          const windowMs = 20_000;
          const sliceMs = windowMs / SLICES;
          const epochs = new Epochs(windowMs, 0);
          const window = new Window();
          let nowMs = 0;
          const recorded = events.map(({ waitMs, value }) => {
            nowMs += waitMs;
            window.record(value, epochs.at(nowMs));
            return { atMs: nowMs, value };
          });
          nowMs += restMs;
          const oldest = Math.floor(nowMs / sliceMs) - SLICES + 1;
          const expected = recorded.filter(({ atMs }) => Math.floor(atMs / sliceMs) >= oldest);
          const { sketch } = window.within(epochs.at(nowMs));
          expect(sketch.count).toBe(expected.length);
          expect(sketch.max).toBe(Math.max(0, ...expected.map(({ value }) => value)));
        },
      ),
    );
  });

  test('tells the time that it covers: all of it at first, then three to four slices', () => {
    const epochs = new Epochs(60_000, 500);
    expect(epochs.coveredMs(10_500)).toBe(10_000);
    expect(epochs.coveredMs(60_499)).toBe(59_999);
    expect(epochs.coveredMs(60_500)).toBe(45_000);
    expect(epochs.coveredMs(75_499)).toBe(59_999);
  });

  test('takes what is told a little late for of now', () => {
    const epochs = new Epochs(60_000, 0);
    const window = new Window();
    window.record(1, epochs.at(16_000));
    window.record(2, epochs.at(14_000));
    expect(window.within(epochs.at(16_000)).sketch.count).toBe(2);
  });
});
