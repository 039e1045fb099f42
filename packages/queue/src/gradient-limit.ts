/**
 * A limit that needs no tuning: how long work takes now, against how long it took with
 * nobody waiting. The shape is that of Netflix' Gradient2 (concurrency-limits):
 *
 *   gradient = clamp(½ … 1, tolerance × baseline ÷ rtt)
 *   next     = limit × gradient + √limit, smoothed
 *
 * Two things differ. What makes work slow is taken apart:
 *
 * - **My own event loop.** Its delay adds to every rtt, whatever the limit. It is taken off
 *   before the comparison, so that refusing many does not read as a slow dependency. Where
 *   the loop is full and late beyond `maxLoopDelayMs`, what runs in it is too much: the limit
 *   shrinks for that alone, as long as that helps. Half as late, it does not grow.
 * - **A slow dependency.** The rest of the rtt. Below the baseline by the tolerance, the
 *   limit shrinks.
 *
 * And the baseline is not a long average, which drifts up under lasting load and takes
 * minutes to learn. It is the calm end of what was seen; and where the limit has shrunk by a
 * third and work is as slow as before, it was not our doing: that is the baseline from then on.
 */
import {
  type Checks,
  durationMs,
  type Given,
  integer,
  ratio,
  resolveOptions,
  shape,
} from '@org/core';

import { type AdaptiveLimitOptions, checkBounds } from './adaptive-limit.ts';
import { Descent } from './descent.ts';
import { type EventLoop, ownEventLoop } from './event-loop.ts';
import type { Limit } from './limit.ts';
import { type SampleSummary, SampleWindow } from './sample-window.ts';

export interface GradientLimitOptions extends AdaptiveLimitOptions {
  /** How many times the baseline is still no congestion. @default 1.5 */
  readonly toleranceRatio: number;
  /** Weight of a new limit against the old one. @default 0.2 */
  readonly smoothingRatio: number;
  /** How long samples are gathered before the limit moves, in ms. @default 100 */
  readonly windowMs: number;
  /** A window with fewer samples goes on. @default 10 */
  readonly minSamples: number;
  /** How late the event loop may be before the limit shrinks for it, in ms. @default 40 */
  readonly maxLoopDelayMs: number;
  /** The event loop. @default the process' own */
  readonly loop: EventLoop | undefined;
}

export const GRADIENT_LIMIT_DEFAULTS: Readonly<GradientLimitOptions> =
  Object.freeze<GradientLimitOptions>({
    initialLimit: 20,
    minLimit: 2,
    maxLimit: 1000,
    toleranceRatio: 1.5,
    smoothingRatio: 0.2,
    windowMs: 100,
    minSamples: 10,
    maxLoopDelayMs: 40,
    loop: undefined,
  });

const CHECKS: Checks<GradientLimitOptions> = Object.freeze<Checks<GradientLimitOptions>>({
  initialLimit: integer({ min: 1 }),
  minLimit: integer({ min: 1 }),
  maxLimit: integer({ min: 1 }),
  toleranceRatio: ratio({ min: 1, max: 10 }),
  smoothingRatio: ratio({ min: 0.01 }),
  windowMs: durationMs({ min: 1 }),
  minSamples: integer({ min: 1 }),
  maxLoopDelayMs: durationMs({ min: 1 }),
  loop: shape<EventLoop>('an event loop', ['read', 'close']),
});

/** A loop with less to do than this is not what is too slow: one long task was. */
const FULL_RATIO = 0.9;
/** How fast the baseline follows quicker work. */
const BASELINE_RATIO = 0.3;
/** @throws OptionError for unknown or wrong options */
export function gradientLimit(options?: Given<GradientLimitOptions>): Limit {
  const settings = resolveOptions('gradientLimit', GRADIENT_LIMIT_DEFAULTS, CHECKS, options);
  checkBounds('gradientLimit', settings);
  return new GradientLimit(settings);
}

class GradientLimit implements Limit {
  limit: number;
  private readonly settings: Readonly<GradientLimitOptions>;
  private readonly window: SampleWindow;
  private loop: EventLoop | undefined;
  /** How long work takes with nobody waiting, in ms; NaN until the first window. */
  private baselineMs: number = Number.NaN;
  private descent: Descent | undefined = undefined;
  private loopDescent: Descent | undefined = undefined;

  constructor(settings: Readonly<GradientLimitOptions>) {
    this.settings = settings;
    this.limit = settings.initialLimit;
    this.window = new SampleWindow(settings.windowMs, settings.minSamples);
    this.loop = settings.loop;
  }

  onSample(sample: Parameters<SampleWindow['add']>[0]): void {
    const summary = this.window.add(sample);
    if (summary !== undefined) this.move(summary);
  }

  close(): void {
    this.loop?.close();
  }

  private move({ rttMs: wholeMs, inflight, droppedRatio }: SampleSummary): void {
    const { maxLoopDelayMs, toleranceRatio, smoothingRatio } = this.settings;
    // The process' own is sampled only where somebody works.
    const { delayMs, utilizationRatio } = (this.loop ??= ownEventLoop()).read();
    if (delayMs > maxLoopDelayMs && utilizationRatio >= FULL_RATIO) {
      this.shrinkForLoop(delayMs);
      return;
    }
    this.loopDescent = undefined;
    const rttMs = Math.max(wholeMs - delayMs, wholeMs / 10);
    this.learn(rttMs);
    // Where the limit is not reached it is not what holds anybody up.
    if (inflight < this.limit / 2) return;
    const quotient = (toleranceRatio * this.baselineMs) / rttMs;
    // A window in which most was given up says nothing with its times.
    const gradient = droppedRatio > 0.5 ? 0.5 : clamp(quotient, 0.5, 1);
    const wanted = this.limit * gradient + Math.sqrt(this.limit);
    const next = this.limit * (1 - smoothingRatio) + wanted * smoothingRatio;
    if (next > this.limit && delayMs > maxLoopDelayMs / 2) return;
    this.followDescent(gradient, rttMs);
    this.set(next);
  }

  private learn(rttMs: number): void {
    if (Number.isNaN(this.baselineMs)) this.baselineMs = rttMs;
    else if (rttMs < this.baselineMs) {
      this.baselineMs += (rttMs - this.baselineMs) * BASELINE_RATIO;
    }
  }

  /** What makes the loop late may be others on the machine, or refusing: then less work is no help. */
  private shrinkForLoop(delayMs: number): void {
    const { limit, loopDescent } = this;
    const helped = loopDescent?.helped(limit, delayMs, this.isLeast);
    if (helped === false) return;
    if (loopDescent === undefined || helped) this.loopDescent = new Descent(limit, delayMs);
    this.set(limit * (1 - this.settings.smoothingRatio / 2));
  }

  /** Asks, once the limit has shrunk enough, whether that made work quicker. */
  private followDescent(gradient: number, rttMs: number): void {
    if (gradient === 1) {
      this.descent = undefined;
      return;
    }
    this.descent ??= new Descent(this.limit, rttMs);
    const helped = this.descent.helped(this.limit, rttMs, this.isLeast);
    if (helped === undefined) return;
    if (!helped) this.baselineMs = rttMs;
    this.descent = undefined;
  }

  private get isLeast(): boolean {
    return this.limit <= this.settings.minLimit;
  }

  private set(limit: number): void {
    this.limit = clamp(limit, this.settings.minLimit, this.settings.maxLimit);
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value));
}
