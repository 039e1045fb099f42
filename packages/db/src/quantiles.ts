/**
 * Percentiles of durations in fixed memory: counts in buckets whose limits grow by 5%, so that an
 * answer is within 2.5% of the truth, and two of them add up. Two generations take turns, so that
 * what is told is of the last one to two windows. Recording costs a logarithm.
 */

/** What is told of many durations, in ms; zeros where there were none. */
export interface Percentiles {
  readonly [name: string]: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

const GROWTH = Math.log(1.05);
/** From a µs to over an hour. */
const BUCKETS = 460;

interface Generation {
  readonly counts: Uint32Array;
  total: number;
  maxMs: number;
}

/** Durations of the last one to two windows. */
export class Quantiles {
  private readonly windowMs: number;
  private current: Generation = generation();
  private before: Generation = generation();
  private turnMs: number = Number.NaN;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  record(durationMs: number, nowMs: number): void {
    this.turn(nowMs);
    const { current } = this;
    const micros = durationMs * 1000;
    const bucket = micros <= 1 ? 0 : Math.ceil(Math.log(micros) / GROWTH);
    const at = bucket >= BUCKETS ? BUCKETS - 1 : bucket;
    current.counts[at] = current.counts[at]! + 1;
    current.total++;
    if (durationMs > current.maxMs) current.maxMs = durationMs;
  }

  read(nowMs: number): Percentiles {
    this.turn(nowMs);
    const max = Math.max(this.current.maxMs, this.before.maxMs);
    const of = (ratio: number): number => Math.min(max, this.valueAt(ratio));
    return {
      p50: rounded(of(0.5)),
      p95: rounded(of(0.95)),
      p99: rounded(of(0.99)),
      max: rounded(max),
    };
  }

  private turn(nowMs: number): void {
    if (nowMs < this.turnMs) return;
    const idle = nowMs >= this.turnMs + this.windowMs;
    this.before = idle ? generation() : this.current;
    this.current = generation();
    this.turnMs = nowMs + this.windowMs;
  }

  private valueAt(ratio: number): number {
    const total = this.current.total + this.before.total;
    if (total === 0) return 0;
    let left = Math.ceil(ratio * total);
    for (let at = 0; at < BUCKETS; at++) {
      left -= this.current.counts[at]! + this.before.counts[at]!;
      // The middle of the bucket.
      if (left <= 0) return Math.exp((at - 0.5) * GROWTH) / 1000;
    }
    return 0;
  }
}

function generation(): Generation {
  return { counts: new Uint32Array(BUCKETS), total: 0, maxMs: 0 };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
