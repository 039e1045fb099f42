/** Leaves a store alone once it has failed: for a second, then twice as long each time, up to half a minute. */
import type { Clock } from '@org/core';

const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

export class Outage {
  failuresTotal: number = 0;
  private readonly clock: Clock;
  private untilMs: number = Number.NEGATIVE_INFINITY;
  private pauseMs: number = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** It is left alone right now. */
  get open(): boolean {
    return this.clock.monotonicMs() < this.untilMs;
  }

  /** It has failed, and has not worked since. */
  get down(): boolean {
    return this.pauseMs > 0;
  }

  worked(): void {
    this.pauseMs = 0;
    this.untilMs = Number.NEGATIVE_INFINITY;
  }

  /** Says whether this begins an outage. */
  failed(): boolean {
    this.failuresTotal++;
    const begins = this.pauseMs === 0;
    // Calls that were under way together fail together, and count as one.
    if (!this.open) {
      this.pauseMs = begins ? FIRST_MS : Math.min(this.pauseMs * 2, LONGEST_MS);
      this.untilMs = this.clock.monotonicMs() + this.pauseMs;
    }
    return begins;
  }
}
