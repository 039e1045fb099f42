/**
 * Percentiles in fixed memory: counts in buckets whose limits grow by a tenth, so that an answer is
 * within 5% of the truth. Two generations take turns: what is told is of the last one to two windows.
 */

/** Zeros where there was nothing. */
export interface Spread {
  readonly [name: string]: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

const GROWTH = Math.log(1.1);
/** From a thousandth to some millions. */
const BUCKETS = 240;
const WINDOW_MS = 300_000;

class Generation {
  readonly counts: Uint32Array = new Uint32Array(BUCKETS);
  total: number = 0;
  max: number = 0;
}

export class Percentiles {
  private current: Generation = new Generation();
  private before: Generation | undefined = undefined;
  private turnMs: number = Number.NaN;

  record(value: number, nowMs: number): void {
    this.turn(nowMs);
    const { current } = this;
    const thousandths = value * 1000;
    const bucket = thousandths <= 1 ? 0 : Math.ceil(Math.log(thousandths) / GROWTH);
    const at = Math.min(bucket, BUCKETS - 1);
    current.counts[at] = current.counts[at]! + 1;
    current.total++;
    if (value > current.max) current.max = value;
  }

  /** @param digits behind the point */
  read(nowMs: number, digits: number = 3): Spread {
    this.turn(nowMs);
    const max = Math.max(this.current.max, this.before?.max ?? 0);
    const of = (share: number): number => rounded(Math.min(max, this.valueAt(share)), digits);
    return { p50: of(0.5), p95: of(0.95), p99: of(0.99), max: rounded(max, digits) };
  }

  private turn(nowMs: number): void {
    if (Number.isNaN(this.turnMs)) this.turnMs = nowMs + WINDOW_MS;
    if (nowMs < this.turnMs) return;
    const isLongAgo = nowMs >= this.turnMs + WINDOW_MS;
    this.before = isLongAgo ? undefined : this.current;
    this.current = new Generation();
    this.turnMs = nowMs + WINDOW_MS;
  }

  private valueAt(share: number): number {
    let left = Math.ceil(share * (this.current.total + (this.before?.total ?? 0)));
    for (let at = 0; at < BUCKETS && left > 0; at++) {
      left -= this.current.counts[at]! + (this.before?.counts[at] ?? 0);
      // The middle of the bucket.
      if (left <= 0) return Math.exp((at - 0.5) * GROWTH) / 1000;
    }
    return 0;
  }
}

function rounded(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
