/**
 * Additive increase, multiplicative decrease (Chiu and Jain 1989), as TCP does it: one more
 * for each round of work that went well at the limit, a share less when something was
 * dropped or took too long. It needs no baseline, but a sign of failure to turn round at.
 */
import { type Checks, durationMs, type Given, integer, ratio, resolveOptions } from '@org/core';

import { type AdaptiveLimitOptions, checkBounds } from './adaptive-limit.ts';
import type { Limit } from './limit.ts';

export interface AimdLimitOptions extends AdaptiveLimitOptions {
  /** What is left of the limit after a decrease. @default 0.9 */
  readonly backoffRatio: number;
  /** Work that took longer counts as dropped, in ms. @default 5000 */
  readonly slowMs: number;
}

export const AIMD_LIMIT_DEFAULTS: Readonly<AimdLimitOptions> = Object.freeze<AimdLimitOptions>({
  initialLimit: 20,
  minLimit: 1,
  maxLimit: 1000,
  backoffRatio: 0.9,
  slowMs: 5000,
});

const CHECKS: Checks<AimdLimitOptions> = Object.freeze<Checks<AimdLimitOptions>>({
  initialLimit: integer({ min: 1 }),
  minLimit: integer({ min: 1 }),
  maxLimit: integer({ min: 1 }),
  backoffRatio: ratio({ min: 0.5, max: 0.99 }),
  slowMs: durationMs({ min: 1 }),
});

/** @throws OptionError for unknown or wrong options */
export function aimdLimit(options?: Given<AimdLimitOptions>): Limit {
  const settings = resolveOptions('aimdLimit', AIMD_LIMIT_DEFAULTS, CHECKS, options);
  checkBounds('aimdLimit', settings);
  const { minLimit, maxLimit, backoffRatio, slowMs } = settings;
  let limit = settings.initialLimit;
  let backedOffMs = Number.NEGATIVE_INFINITY;
  return {
    get limit() {
      return limit;
    },
    onSample({ rttMs, inflight, dropped, endMs }) {
      if (dropped || rttMs > slowMs) {
        // What was under way before the decrease says nothing about the limit since.
        if (endMs - rttMs < backedOffMs) return;
        backedOffMs = endMs;
        limit = Math.max(minLimit, limit * backoffRatio);
      } else if (inflight * 2 >= limit) {
        limit = Math.min(maxLimit, limit + 1 / limit);
      }
    },
  };
}
