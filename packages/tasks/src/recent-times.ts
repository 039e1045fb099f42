/** Percentiles of the latest of many durations: a ring that is sorted only when somebody looks. */
import type { Stats } from '@org/core';

/** Durations that are looked at. */
const KEPT = 256;

/** The latest durations. */
export class RecentTimes {
  private readonly ring: Float64Array = new Float64Array(KEPT);
  private total: number = 0;

  add(ms: number): void {
    this.ring[this.total % KEPT] = ms;
    this.total++;
  }

  /** In ms; zeros where there were none. */
  percentiles(): Stats {
    const count = Math.min(this.total, KEPT);
    const sorted = this.ring.slice(0, count).toSorted();
    const at = (ratio: number): number =>
      count === 0 ? 0 : round(sorted[Math.min(count - 1, Math.floor(ratio * count))]!);
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  }
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
