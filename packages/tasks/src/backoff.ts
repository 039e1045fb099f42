/** How long a job waits between attempts: longer each time, never the same for many at once. */
import { type Checks, durationMs, ratio, type Given, resolveOptions } from '@org/core';

/** Waits that grow. */
export interface Backoff {
  /** After the first attempt, in ms. @default 1000 */
  readonly baseMs: number;
  /** How many times longer each further wait is. @default 2 */
  readonly factor: number;
  /** The longest, in ms, before the jitter. @default 3_600_000 */
  readonly maxMs: number;
  /** Waits differ by up to this share, at random, either way. @default 0.2 */
  readonly jitterRatio: number;
}

/** A wait of your own, in ms. */
export type BackoffFunction = (attempt: number, error: unknown) => number;

export const BACKOFF_DEFAULTS: Readonly<Backoff> = Object.freeze<Backoff>({
  baseMs: 1000,
  factor: 2,
  maxMs: 3_600_000,
  jitterRatio: 0.2,
});

const CHECKS: Checks<Backoff> = {
  baseMs: durationMs(),
  factor: {
    expected: 'a factor from 1 to 100',
    accepts: (value): value is number => typeof value === 'number' && value >= 1 && value <= 100,
  },
  maxMs: durationMs(),
  jitterRatio: ratio(),
};

/** @throws OptionError for unknown or wrong options */
export function resolveBackoff(owner: string, given: Given<Backoff> | undefined): Backoff {
  return resolveOptions(`${owner}: backoff`, BACKOFF_DEFAULTS, CHECKS, given);
}

/** The wait after attempt `attempt` (from 1), in whole ms. */
export function backoffMs(
  { baseMs, factor, maxMs, jitterRatio }: Backoff,
  attempt: number,
  random: () => number,
): number {
  const waitMs = Math.min(maxMs, baseMs * factor ** (attempt - 1));
  return Math.round(waitMs * (1 + jitterRatio * (2 * random() - 1)));
}
