/**
 * How long calls take, as quantiles of the last window or two: a fixed number of counters, each for
 * times up to a tenth longer than the one below, so that an answer is at most that much too long.
 */
const LEAST_MS = 0.5;
const LOG_GROWTH = Math.log(1.1);
/** The last one takes what is longer than about two minutes. */
const BUCKETS = 132;

export class LatencySketch {
  private counts: Uint32Array = new Uint32Array(BUCKETS);
  private before: Uint32Array = new Uint32Array(BUCKETS);
  private noted: number = 0;
  private notedBefore: number = 0;
  private beginMs: number = 0;
  private readonly windowMs: number;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  note(durationMs: number, nowMs: number): void {
    this.turn(nowMs);
    const steps = Math.ceil(Math.log(durationMs / LEAST_MS) / LOG_GROWTH);
    this.counts[Math.min(BUCKETS - 1, Math.max(0, steps))]!++;
    this.noted++;
  }

  /** The time that a share of the calls did not exceed, in ms; nothing with fewer than `minSamples`. */
  quantileMs(shareRatio: number, nowMs: number, minSamples: number): number | undefined {
    this.turn(nowMs);
    const total = this.noted + this.notedBefore;
    if (total === 0 || total < minSamples) return undefined;
    let seen = 0;
    let at = 0;
    while (at < BUCKETS) {
      seen += this.counts[at]! + this.before[at]!;
      if (seen >= total * shareRatio) break;
      at++;
    }
    return LEAST_MS * Math.exp(LOG_GROWTH * at);
  }

  private turn(nowMs: number): void {
    const windows = Math.floor((nowMs - this.beginMs) / this.windowMs);
    if (windows <= 0) return;
    this.beginMs += windows * this.windowMs;
    [this.before, this.counts] = [this.counts, this.before];
    this.counts.fill(0);
    this.notedBefore = this.noted;
    this.noted = 0;
    if (windows > 1) {
      this.before.fill(0);
      this.notedBefore = 0;
    }
  }
}
