/**
 * TCP Vegas (Brakmo and Peterson 1995) for requests: what takes longer than the quickest
 * window must be waiting somewhere behind us, and the limit is held where a few wait.
 * Thresholds grow with the logarithm of the limit, as in Netflix' concurrency-limits.
 */
import { type Checks, durationMs, func, type Given, integer, resolveOptions } from '@org/core';

import { type AdaptiveLimitOptions, checkBounds } from './adaptive-limit.ts';
import type { Limit } from './limit.ts';
import { type SampleSummary, SampleWindow } from './sample-window.ts';

export interface VegasLimitOptions extends AdaptiveLimitOptions {
  /** How long samples are gathered before the limit moves, in ms. @default 100 */
  readonly windowMs: number;
  /** A window with fewer samples goes on. @default 10 */
  readonly minSamples: number;
  /** Windows after which the quickest is forgotten, give or take a random quarter: the world may have become slower. @default 300 */
  readonly probeWindows: number;
  /** Source of randomness, from 0 to below 1. @default Math.random */
  readonly random: () => number;
}

export const VEGAS_LIMIT_DEFAULTS: Readonly<VegasLimitOptions> = Object.freeze<VegasLimitOptions>({
  initialLimit: 20,
  minLimit: 1,
  maxLimit: 1000,
  windowMs: 100,
  minSamples: 10,
  probeWindows: 300,
  random: Math.random,
});

const CHECKS: Checks<VegasLimitOptions> = Object.freeze<Checks<VegasLimitOptions>>({
  initialLimit: integer({ min: 1 }),
  minLimit: integer({ min: 1 }),
  maxLimit: integer({ min: 1 }),
  windowMs: durationMs({ min: 1 }),
  minSamples: integer({ min: 1 }),
  probeWindows: integer({ min: 1 }),
  random: func(),
});

/** @throws OptionError for unknown or wrong options */
export function vegasLimit(options?: Given<VegasLimitOptions>): Limit {
  const settings = resolveOptions('vegasLimit', VEGAS_LIMIT_DEFAULTS, CHECKS, options);
  checkBounds('vegasLimit', settings);
  const { minLimit, maxLimit, probeWindows, random } = settings;
  const window = new SampleWindow(settings.windowMs, settings.minSamples);
  let limit = settings.initialLimit;
  let quickestMs = Number.POSITIVE_INFINITY;
  let untilProbe = nextProbe();

  function nextProbe(): number {
    return Math.ceil(probeWindows * (0.75 + random() / 2));
  }

  function move({ rttMs, inflight, droppedRatio }: SampleSummary): void {
    if (--untilProbe <= 0) {
      untilProbe = nextProbe();
      quickestMs = rttMs;
      return;
    }
    quickestMs = Math.min(quickestMs, rttMs);
    const step = Math.max(1, Math.log10(limit));
    if (droppedRatio > 0) {
      limit = Math.max(minLimit, limit - step);
      return;
    }
    // Little's law: of those under way, this many wait. Without a wait an rtt of 0 divides nothing.
    const waiting = rttMs > 0 ? limit * (1 - quickestMs / rttMs) : 0;
    if (waiting > 6 * step) limit = Math.max(minLimit, limit - step);
    // Where the limit is not reached it is not what holds anybody up, and says nothing.
    else if (inflight * 2 < limit) return;
    else if (waiting <= step) limit = Math.min(maxLimit, limit + 6 * step);
    else if (waiting < 3 * step) limit = Math.min(maxLimit, limit + step);
  }

  return {
    get limit() {
      return limit;
    },
    onSample(sample) {
      const summary = window.add(sample);
      if (summary !== undefined) move(summary);
    },
  };
}
