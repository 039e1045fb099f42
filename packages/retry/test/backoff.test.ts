import { check, double, integer, property } from 'fast-check';

import { DELAYS, type Jitter } from '../src/backoff.ts';

const chance = double({ min: 0, max: 0.999_999, noNaN: true });
const failed = integer({ min: 1, max: 60 });
const base = integer({ min: 0, max: 5000 });
const most = integer({ min: 0, max: 60_000 });

const exponential = (baseDelayMs: number, maxDelayMs: number, times: number): number =>
  Math.min(maxDelayMs, baseDelayMs * 2 ** (times - 1));

/** What a property finds against the bounds of a wait. */
function outOf(
  jitter: Jitter,
  bounds: (baseMs: number, maxMs: number, times: number, lastMs: number) => [number, number],
): unknown {
  const { counterexample } = check(
    property(chance, failed, base, most, most, (random, times, baseDelayMs, maxDelayMs, lastMs) => {
      const backoff = { baseDelayMs, maxDelayMs, random: () => random };
      const delayMs = DELAYS[jitter](backoff, times, lastMs);
      const [low, high] = bounds(baseDelayMs, maxDelayMs, times, lastMs);
      return delayMs >= low - 1e-6 && delayMs <= high + 1e-6;
    }),
  );
  return counterexample;
}

describe('backoff', () => {
  test('full jitter waits anything up to the exponential wait', () => {
    const found = outOf('full', (baseMs, maxMs, times) => [0, exponential(baseMs, maxMs, times)]);
    expect(found).toBeNull();
  });

  test('equal jitter waits half of it for sure', () => {
    const found = outOf('equal', (baseMs, maxMs, times) => {
      const whole = exponential(baseMs, maxMs, times);
      return [whole / 2, whole];
    });
    expect(found).toBeNull();
  });

  test('decorrelated jitter waits from the first wait up to three times the last', () => {
    const found = outOf('decorrelated', (baseMs, maxMs, _times, lastMs) => [
      Math.min(baseMs, maxMs),
      Math.min(maxMs, Math.max(baseMs, lastMs) * 3),
    ]);
    expect(found).toBeNull();
  });

  test('without jitter it doubles up to the longest wait', () => {
    const backoff = { baseDelayMs: 100, maxDelayMs: 1000, random: () => 0.5 };
    const delays = [1, 2, 3, 4, 5, 6].map((times) => DELAYS.none(backoff, times, 0));
    expect(delays).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  test('what is left to chance depends on the source of chance', () => {
    const waits = (jitter: Jitter, random: number) =>
      DELAYS[jitter]({ baseDelayMs: 100, maxDelayMs: 1000, random: () => random }, 2, 200);
    expect([0, 0.5].map((random) => waits('full', random))).toEqual([0, 100]);
    expect([0, 0.5].map((random) => waits('equal', random))).toEqual([100, 150]);
    expect([0, 0.5].map((random) => waits('decorrelated', random))).toEqual([100, 350]);
  });
});
