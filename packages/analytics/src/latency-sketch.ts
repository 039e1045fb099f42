/**
 * Quantiles of durations with a bound on their relative error: counts in buckets that grow
 * geometrically, as in DDSketch (Masson, Rim, Lee 2019). Merging adds them up, and loses nothing.
 */
import { boundedEstimate, type Estimate } from './estimate.ts';

/** A quantile is off by this share of itself at most. */
export const RELATIVE_ERROR = 0.02;
/** Shorter ones are not told apart. */
export const LEAST_MS = 0.1;
/** Longer ones are not either, but for the longest. */
export const MOST_MS = 1_000_000;

const GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const PER_LOG = 1 / Math.log(GROWTH);
const LAST = Math.ceil(Math.log(MOST_MS / LEAST_MS) * PER_LOG);

/** A sketch as it is kept: the longest, then pairs of a bucket and its count. */
export type LatencyState = readonly number[];

/** What is told of durations, in ms; nothing where there were none. */
export interface Latency {
  readonly p50: Estimate | null;
  readonly p95: Estimate | null;
  readonly p99: Estimate | null;
  /** Exact, but for its rounding to four digits. */
  readonly max: number | null;
}

export class LatencySketch {
  count: number = 0;
  max: number = 0;
  private readonly buckets: Float64Array = new Float64Array(LAST + 1);

  add(ms: number): void {
    this.count++;
    if (ms > this.max) this.max = ms;
    const at = ms <= LEAST_MS ? 0 : Math.ceil(Math.log(ms / LEAST_MS) * PER_LOG);
    this.buckets[at < LAST ? at : LAST]!++;
  }

  merge(state: LatencyState): void {
    if (state[0]! > this.max) this.max = state[0]!;
    for (let at = 1; at + 1 < state.length; at += 2) {
      this.buckets[state[at]!]! += state[at + 1]!;
      this.count += state[at + 1]!;
    }
  }

  /** The duration that this share of all do not exceed (nearest rank), in ms. */
  quantile(share: number): Estimate | null {
    if (this.count === 0) return null;
    const wanted = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    let at = 0;
    while ((seen += this.buckets[at]!) < wanted) at++;
    return this.within(at);
  }

  latency(): Latency {
    return {
      p50: this.quantile(0.5),
      p95: this.quantile(0.95),
      p99: this.quantile(0.99),
      max: this.count === 0 ? null : digits(this.max, Math.round),
    };
  }

  state(): LatencyState {
    const state = [this.max];
    for (let at = 0; at <= LAST; at++) {
      if (this.buckets[at] !== 0) state.push(at, this.buckets[at]!);
    }
    return state;
  }

  /** The middle of a bucket, and its ends. */
  private within(at: number): Estimate {
    const upper = at === LAST ? this.max : Math.min(this.max, LEAST_MS * GROWTH ** at);
    const lower = at === 0 ? 0 : Math.min(upper, LEAST_MS * GROWTH ** (at - 1));
    const middle = at === 0 ? upper : Math.min(upper, (1 + RELATIVE_ERROR) * lower);
    return boundedEstimate(
      digits(middle, Math.round),
      digits(lower, Math.floor),
      digits(upper, Math.ceil),
    );
  }
}

/** To four digits: more would claim what is not known. Bounds are rounded away from the middle. */
function digits(ms: number, round: (value: number) => number): number {
  if (ms === 0) return 0;
  const scale = 10 ** (3 - Math.floor(Math.log10(ms)));
  return round(ms * scale) / scale;
}
