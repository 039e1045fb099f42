/** How fast totals grow: what is left of counters that only ever grow, between two samples. */

/** The totals of one sample and of the one before. */
export class Rates {
  private before = new Map<string, number>();
  private now = new Map<string, number>();
  private beforeMs: number = Number.NaN;
  private nowMs: number = Number.NaN;

  /** Begins a sample at a monotonic time; totals that the last one did not see are forgotten. */
  begin(nowMs: number): void {
    this.before = this.now;
    this.beforeMs = this.nowMs;
    this.now = new Map();
    this.nowMs = nowMs;
  }

  /** What was added to `total` since the last sample; unknown at first, and after it began anew. */
  added(key: string, total: number | undefined): number | undefined {
    if (total === undefined) return undefined;
    this.now.set(key, total);
    const before = this.before.get(key);
    return before === undefined || total < before ? undefined : total - before;
  }

  /** The same, per second. */
  perSecond(key: string, total: number | undefined): number | undefined {
    const added = this.added(key, total);
    const passedMs = this.nowMs - this.beforeMs;
    return added === undefined || !(passedMs > 0) ? undefined : (added * 1000) / passedMs;
  }
}
