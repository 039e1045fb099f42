/**
 * How long those who got a permit had waited, as percentiles of the last ten to twenty
 * seconds: a fixed number of counters, each for waits up to 1.2 times the one below, so that
 * an answer is at most a fifth too long.
 */
const LEAST_MS = 0.5;
const GROWTH = 1.2;
/** The last one takes what is longer than about three minutes. */
const BUCKETS = 72;
const SPAN_MS = 10_000;
const LOG_GROWTH = Math.log(GROWTH);

export class Waits {
  private counts: Uint32Array = new Uint32Array(BUCKETS);
  private before: Uint32Array = new Uint32Array(BUCKETS);
  private beginMs: number = 0;

  note(waitedMs: number, nowMs: number): void {
    this.turn(nowMs);
    this.counts[bucketOf(waitedMs)]!++;
  }

  /** The wait that a share of all did not exceed, in ms; 0 without any. */
  quantileMs(shareRatio: number, nowMs: number): number {
    this.turn(nowMs);
    let total = 0;
    for (let at = 0; at < BUCKETS; at++) total += this.countOf(at);
    if (total === 0) return 0;
    let seen = 0;
    for (let at = 0; at < BUCKETS; at++) {
      seen += this.countOf(at);
      if (seen >= total * shareRatio) return at === 0 ? 0 : LEAST_MS * GROWTH ** (at - 1);
    }
    return Number.POSITIVE_INFINITY;
  }

  private countOf(at: number): number {
    return this.counts[at]! + this.before[at]!;
  }

  private turn(nowMs: number): void {
    const spans = Math.floor((nowMs - this.beginMs) / SPAN_MS);
    if (spans <= 0) return;
    this.beginMs += spans * SPAN_MS;
    [this.before, this.counts] = [this.counts, this.before];
    this.counts.fill(0);
    if (spans > 1) this.before.fill(0);
  }
}

/** 0: no wait worth the name. */
function bucketOf(waitedMs: number): number {
  if (waitedMs < LEAST_MS / 2) return 0;
  const steps = Math.ceil(Math.log(waitedMs / LEAST_MS) / LOG_GROWTH);
  return Math.min(BUCKETS - 1, Math.max(0, steps) + 1);
}
