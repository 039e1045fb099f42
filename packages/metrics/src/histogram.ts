/**
 * Exact counts of values in fixed buckets, as Prometheus' histograms have them: they only grow,
 * and their sums over processes are exact as well. A bucket may keep an exemplar, the trace of
 * one of its values.
 */
import type { Clock, TraceContext } from '@org/core';

/** The trace of one value. */
export interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
  readonly value: number;
  /** When it was recorded, in ms since the epoch. */
  readonly at: number;
}

/** The youngest exemplar of a bucket is kept for this long at least, in ms. */
const EXEMPLAR_MS = 1000;

export class Histogram {
  /** Upper ends of the buckets, included; what is larger falls into one more. */
  readonly bounds: readonly number[];
  /** Values by bucket, those of the ones below not included. */
  readonly counts: Float64Array;
  readonly exemplars: (Exemplar | undefined)[] = [];
  sum: number = 0;
  private untilMs: Float64Array | undefined = undefined;

  /** @param bounds ascending */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Counts a value and answers its bucket. */
  record(value: number): number {
    const { bounds } = this;
    // Buckets are few: halving the range costs more than it saves.
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at++;
    this.counts[at]!++;
    this.sum += value;
    return at;
  }

  /** Keeps the trace of a value, unless the bucket has a young one. */
  exemplify(bucket: number, value: number, { traceId, spanId }: TraceContext, clock: Clock): void {
    this.untilMs ??= new Float64Array(this.counts.length).fill(Number.NEGATIVE_INFINITY);
    const nowMs = clock.monotonicMs();
    if (nowMs < this.untilMs[bucket]!) return;
    this.untilMs[bucket] = nowMs + EXEMPLAR_MS;
    this.exemplars[bucket] = { traceId, spanId, value, at: clock.now() };
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }
}
