/**
 * How long to wait before the next attempt: longer each time, and by chance, so that those who
 * failed together do not come back together. The three forms are those of Brooker, "Exponential
 * Backoff and Jitter" (AWS Architecture Blog, 2015).
 */

/** How much of a wait is left to chance. */
export type Jitter = 'full' | 'equal' | 'decorrelated' | 'none';

/** What a wait is made from. */
export interface Backoff {
  /** The first wait at its longest, in ms. */
  readonly baseDelayMs: number;
  /** The longest wait, in ms. */
  readonly maxDelayMs: number;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/**
 * A wait in ms. `failed` is how many attempts have failed, from 1; `lastMs` the wait before this
 * one, 0 before the first.
 */
export type Delay = (backoff: Backoff, failed: number, lastMs: number) => number;

export const DELAYS: Readonly<Record<Jitter, Delay>> = Object.freeze<Record<Jitter, Delay>>({
  /** Anything up to the exponential wait: spreads best, and now and then does not wait at all. */
  full: (backoff, failed) => backoff.random() * exponential(backoff, failed),
  /** Half of it for sure, the other half by chance. */
  equal(backoff, failed) {
    const half = exponential(backoff, failed) / 2;
    return half + backoff.random() * half;
  },
  /** From the first wait up to three times the last one. */
  decorrelated({ baseDelayMs, maxDelayMs, random }, _failed, lastMs) {
    const most = Math.max(baseDelayMs, lastMs) * 3;
    return Math.min(maxDelayMs, baseDelayMs + random() * (most - baseDelayMs));
  },
  none: exponential,
});

function exponential({ baseDelayMs, maxDelayMs }: Backoff, failed: number): number {
  return Math.min(maxDelayMs, baseDelayMs * 2 ** (failed - 1));
}
