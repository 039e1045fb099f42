/** The sketch: never too low, forgetting, and of no use to those who choose keys. */
import * as fc from 'fast-check';

import { FrequencySketch } from '../src/frequency.ts';

const SEED = 42;

function add(sketch: FrequencySketch, key: string, times: number): void {
  for (let time = 0; time < times; time++) sketch.add(key);
}

test('counts what it has seen, up to 15', () => {
  const sketch = new FrequencySketch(1000, SEED);
  expect(sketch.estimate('a')).toBe(0);
  for (let times = 1; times <= 20; times++) {
    sketch.add('a');
    expect(sketch.estimate('a')).toBe(Math.min(15, times));
  }
  expect(sketch.estimate('b')).toBe(0);
});

test('a full counter hands nothing to its neighbours', () => {
  const sketch = new FrequencySketch(64, SEED);
  const keys = Array.from({ length: 30 }, (_, at) => `k${at}`);
  for (const key of keys) add(sketch, key, 16);
  const counted = keys.map((key) => sketch.estimate(key));
  expect(counted).toEqual(keys.map(() => 15));
  const strangers = Array.from({ length: 200 }, (_, at) => sketch.estimate(`s${at}`));
  // 30 keys fill at most 30 of 512 counters of each row: hardly a stranger meets full ones in all.
  expect(strangers.filter((count) => count > 0).length).toBeLessThan(3);
});

test('is never too low before it forgets', () => {
  const keys = fc.array(fc.string({ maxLength: 3 }), { maxLength: 600 });
  fc.assert(
    fc.property(keys, fc.integer(), (asked, seed) => {
      const sketch = new FrequencySketch(64, seed);
      const counts = new Map<string, number>();
      for (const key of asked) {
        sketch.add(key);
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      expect(sketch.ageTotal).toBe(0);
      for (const [key, count] of counts) {
        expect(sketch.estimate(key)).toBeGreaterThanOrEqual(Math.min(15, count));
      }
    }),
  );
});

test('is seldom too high for as many keys as it is made for', () => {
  const sketch = new FrequencySketch(1024, SEED);
  for (let at = 0; at < 1024; at++) sketch.add(`/places/${at}`);
  const counts = Array.from({ length: 1024 }, (_, at) => sketch.estimate(`/places/${at}`));
  expect(counts.filter((count) => count > 1).length).toBeLessThan(1024 * 0.01);
  expect(Math.max(...counts)).toBeLessThan(4);
});

test('takes what was never asked for as such, also just before it forgets', () => {
  const capacity = 1000;
  const sketch = new FrequencySketch(capacity, SEED);
  for (let at = 0; at < 10 * capacity - 1; at++) sketch.add(`/once/${at}`);
  expect(sketch.ageTotal).toBe(0);
  const strangers = Array.from({ length: 1000 }, (_, at) => sketch.estimate(`/never/${at}`));
  expect(strangers.filter((count) => count > 1).length).toBeLessThan(100);
});

test('takes as little memory after use as before: less than 32 bytes a key', () => {
  const sketch = new FrequencySketch(1024, SEED);
  const bytes = () =>
    Object.values(sketch)
      .filter((value) => ArrayBuffer.isView(value))
      .reduce((total, { byteLength }) => total + byteLength, 0);
  const before = bytes();
  for (let at = 0; at < 50_000; at++) sketch.add(`/${at}`);
  expect(before).toBeGreaterThan(0);
  expect(bytes()).toBe(before);
  expect(before).toBeLessThan(1024 * 32);
});

test('halves every count after ten additions per key of capacity, and sooner from then on', () => {
  const sketch = new FrequencySketch(100, SEED);
  add(sketch, 'a', 9);
  add(sketch, 'b', 15);
  add(sketch, 'filler', 975);
  expect([sketch.ageTotal, sketch.estimate('a'), sketch.estimate('b')]).toEqual([0, 9, 15]);
  sketch.add('filler');
  expect([sketch.ageTotal, sketch.estimate('a'), sketch.estimate('b')]).toEqual([1, 4, 7]);
  // The additions are halved as well.
  add(sketch, 'filler', 499);
  expect(sketch.ageTotal).toBe(1);
  sketch.add('filler');
  expect([sketch.ageTotal, sketch.estimate('a'), sketch.estimate('b')]).toEqual([2, 2, 3]);
});

test('halves each count by itself', () => {
  const sketch = new FrequencySketch(64, SEED);
  const keys = Array.from({ length: 200 }, (_, at) => `k${at}`);
  for (const key of keys) add(sketch, key, 3);
  // Its counters are full: what more of it is added changes none.
  add(sketch, 'filler', 39);
  const before = keys.map((key) => sketch.estimate(key));
  sketch.add('filler');
  expect(sketch.ageTotal).toBe(1);
  expect(keys.map((key) => sketch.estimate(key))).toEqual(before.map((count) => count >> 1));
});

test.each([0, 1, 63, 64, 65, 1000])('works for a capacity of %d', (capacity) => {
  const sketch = new FrequencySketch(capacity, SEED);
  add(sketch, 'a', 5);
  expect(sketch.estimate('a')).toBe(5);
  expect(sketch.ageTotal).toBe(0);
});

test('tells the same for the same seed', () => {
  const told = (seed: number) => {
    const sketch = new FrequencySketch(64, seed);
    for (let at = 0; at < 300; at++) sketch.add(`/${at}`);
    return Array.from({ length: 300 }, (_, at) => sketch.estimate(`/${at}`));
  };
  expect(told(1)).toEqual(told(1));
  expect(told(1)).not.toEqual(told(2));
});

test('seeds itself anew for each instance', () => {
  const told = () => {
    const sketch = new FrequencySketch(64);
    for (let at = 0; at < 300; at++) sketch.add(`/${at}`);
    return Array.from({ length: 300 }, (_, at) => sketch.estimate(`/${at}`)).join();
  };
  expect(new Set([told(), told(), told()]).size).toBeGreaterThan(1);
});

test('keys that collide under one seed do not under others', () => {
  // A pair that FNV-1a takes for equal from one start in 128, whatever the rest of the start is.
  const pair = ['"44-A', '>#0*A'] as const;
  let met = 0;
  for (let seed = 0; seed < 2 ** 20; seed += 2 ** 7) {
    for (const low of [0x5a, 0x00, 0x13]) {
      const sketch = new FrequencySketch(64, seed + low);
      sketch.add(pair[0]);
      met += sketch.estimate(pair[1]);
    }
  }
  // 24,576 sketches; by chance about one in 512^4 meets in all rows.
  expect(met).toBeLessThan(10);
});
