/**
 * Fixed window: a count that starts with the first unit, or, where processes must agree, lies where
 * the clock puts it, and is forgotten as a whole. The cheapest and the easiest to explain; around
 * the edge of two windows up to twice the limit passes.
 */
import type { Clock } from '@org/core';

import { type Algorithm, type AlgorithmOptions, grown, shareOf } from './algorithm.ts';

export class FixedWindow implements Algorithm {
  limit: number;
  private readonly options: AlgorithmOptions;
  private readonly clock: Clock | undefined;
  private used: Float64Array = new Float64Array(0);
  private startMs: Float64Array = new Float64Array(0);

  /** @param clock where windows lie; without it each begins with its first unit */
  constructor(options: AlgorithmOptions, clock?: Clock) {
    this.options = options;
    this.clock = clock;
    this.limit = options.limit;
  }

  get capacity(): number {
    return this.limit;
  }

  reserve(slots: number): void {
    this.used = grown(this.used, slots);
    this.startMs = grown(this.startMs, slots);
  }

  clear(slot: number): void {
    this.used[slot] = 0;
    this.startMs[slot] = Number.NEGATIVE_INFINITY;
  }

  available(slot: number, nowMs: number): number {
    return this.isOver(slot, nowMs) ? this.limit : this.limit - this.used[slot]!;
  }

  take(slot: number, units: number, nowMs: number): void {
    if (this.isOver(slot, nowMs)) {
      this.startMs[slot] = nowMs - ((this.clock?.now() ?? 0) % this.options.windowMs);
      this.used[slot] = 0;
    }
    this.used[slot]! += units;
  }

  give(slot: number, units: number, takenMs: number, nowMs: number): void {
    if (takenMs < this.startMs[slot]! || this.isOver(slot, nowMs)) return;
    this.used[slot] = Math.max(0, this.used[slot]! - units);
  }

  waitMs(slot: number, units: number, nowMs: number): number {
    if (units > this.limit) return this.options.windowMs;
    return units <= this.available(slot, nowMs) ? 0 : this.untilOver(slot, nowMs);
  }

  resetMs(slot: number, nowMs: number): number {
    return this.isOver(slot, nowMs) || this.used[slot] === 0 ? 0 : this.untilOver(slot, nowMs);
  }

  scale(ratio: number): void {
    this.limit = shareOf(this.options.limit, ratio);
  }

  private isOver(slot: number, nowMs: number): boolean {
    return nowMs - this.startMs[slot]! >= this.options.windowMs;
  }

  private untilOver(slot: number, nowMs: number): number {
    return Math.max(0, this.startMs[slot]! + this.options.windowMs - nowMs);
  }
}
