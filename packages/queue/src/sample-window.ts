/**
 * Samples by the window: one answer says little of the load, a tenth of a second of them
 * says enough (the windowed limits of Netflix' concurrency-limits do the same).
 */
import type { LimitSample } from './limit.ts';

/** What a window came to. */
export interface SampleSummary {
  /** Mean, in ms. */
  readonly rttMs: number;
  /** The most units that were under way. */
  readonly inflight: number;
  /** Share of the samples that were dropped. */
  readonly droppedRatio: number;
}

export class SampleWindow {
  private readonly windowMs: number;
  private readonly minSamples: number;
  private beginMs: number = Number.NaN;
  private count: number = 0;
  private drops: number = 0;
  private sumMs: number = 0;
  private inflight: number = 0;

  constructor(windowMs: number, minSamples: number) {
    this.windowMs = windowMs;
    this.minSamples = minSamples;
  }

  /** Adds a sample; the one that ends the window gets what it came to. */
  add({ rttMs, inflight, dropped, endMs }: LimitSample): SampleSummary | undefined {
    if (this.count === 0) this.beginMs = endMs;
    this.count++;
    if (dropped) this.drops++;
    this.sumMs += rttMs;
    if (inflight > this.inflight) this.inflight = inflight;
    if (this.count < this.minSamples || endMs - this.beginMs < this.windowMs) return undefined;
    const summary = {
      rttMs: this.sumMs / this.count,
      inflight: this.inflight,
      droppedRatio: this.drops / this.count,
    };
    this.count = this.drops = this.sumMs = this.inflight = 0;
    return summary;
  }
}
