/**
 * Percentiles in fixed memory: counts in buckets whose limits grow by 5%, so that an answer is within
 * 2.5% of the truth. Two generations take turns, so that what is told is of the last one to two
 * windows. Recording costs a logarithm.
 */

/** What is told of many values; zeros where there were none. */
export interface Spread {
  readonly [name: string]: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

const GROWTH = Math.log(1.05);
/** From a thousandth to some millions: of times in ms, from a µs to over an hour. */
const BUCKETS = 460;

interface Generation {
  readonly counts: Uint32Array;
  total: number;
  max: number;
}

/** Values of the last one to two windows. */
export class Percentiles {
  private readonly windowMs: number;
  private current: Generation = generation();
  private before: Generation | undefined = undefined;
  private turnMs: number = Number.NEGATIVE_INFINITY;

  /** @param windowMs in ms */
  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  /**
   * @param value not negative; what is less than a thousandth counts as that
   * @param nowMs monotonic, in ms, as that of `read`
   */
  record(value: number, nowMs: number): void {
    this.turn(nowMs);
    const { current } = this;
    const thousandths = value * 1000;
    const bucket = thousandths <= 1 ? 0 : Math.ceil(Math.log(thousandths) / GROWTH);
    const at = bucket >= BUCKETS ? BUCKETS - 1 : bucket;
    current.counts[at] = current.counts[at]! + 1;
    current.total++;
    if (value > current.max) current.max = value;
  }

  /** @param digits behind the point */
  read(nowMs: number, digits: number = 3): Spread {
    this.turn(nowMs);
    const max = Math.max(this.current.max, this.before?.max ?? 0);
    const of = (ratio: number): number => rounded(Math.min(max, this.valueAt(ratio)), digits);
    return { p50: of(0.5), p95: of(0.95), p99: of(0.99), max: rounded(max, digits) };
  }

  private turn(nowMs: number): void {
    if (nowMs < this.turnMs) return;
    const isLongAgo = nowMs >= this.turnMs + this.windowMs;
    this.before = isLongAgo ? undefined : this.current;
    this.current = generation();
    this.turnMs = nowMs + this.windowMs;
  }

  private valueAt(ratio: number): number {
    let left = Math.ceil(ratio * (this.current.total + (this.before?.total ?? 0)));
    for (let at = 0; at < BUCKETS && left > 0; at++) {
      left -= this.current.counts[at]! + (this.before?.counts[at] ?? 0);
      // The middle of the bucket.
      if (left <= 0) return Math.exp((at - 0.5) * GROWTH) / 1000;
    }
    return 0;
  }
}

function generation(): Generation {
  return { counts: new Uint32Array(BUCKETS), total: 0, max: 0 };
}

function rounded(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
