/**
 * Percentiles of many values in little memory: a sketch with relative error (DDSketch, Masson,
 * Rim and Lee, VLDB 2019). A value falls into the bin of its logarithm, so that whatever is told
 * of it is at most 1 % off; two sketches merge by adding their bins, and the result is that of all
 * values in one. Recording is a logarithm and an increment.
 */

/** How far a percentile may be from the value it stands for, as a share of it. */
export const RELATIVE_ERROR = 0.01;

const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const PER_LOG = 1 / Math.log(GAMMA);
/** What is smaller counts as 0: a millionth of whatever is measured. */
const LEAST = 1e-6;
/** Bins are made this many at a time. */
const CHUNK = 64;
/** More than these, and the lowest become one: 1 % over seventeen orders of magnitude fit. */
const MAX_BINS = 2048;

/** A sketch as it goes from one process to another: plain data. */
export interface SketchData {
  readonly zeros: number;
  /** The key of the first bin. */
  readonly from: number;
  readonly bins: readonly number[];
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/** Counts values that are not negative, and tells their percentiles. */
export class Sketch {
  count: number = 0;
  sum: number = 0;
  min: number = Number.POSITIVE_INFINITY;
  max: number = 0;
  private zeros: number = 0;
  /** The key of `bins[0]`. */
  private from: number = 0;
  private bins: Float64Array = new Float64Array(0);
  private readonly maxBins: number;

  /** @param maxBins at which the lowest are put together */
  constructor(maxBins: number = MAX_BINS) {
    this.maxBins = maxBins;
  }

  /** Counts a value; what is negative or no number counts as 0. */
  record(value: number): void {
    this.count++;
    if (value > LEAST) {
      this.sum += value;
      if (value > this.max) this.max = value;
      if (value < this.min) this.min = value;
      const at = Math.ceil(Math.log(value) * PER_LOG) - this.from;
      if (at >= 0 && at < this.bins.length) this.bins[at]!++;
      else this.add(at + this.from, 1);
    } else {
      this.zeros++;
      this.min = 0;
    }
  }

  /** Takes in what another has counted. */
  merge(other: Sketch): void {
    this.count += other.count;
    this.zeros += other.zeros;
    this.sum += other.sum;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    // From the highest down: what does not fit is put together at the lower end.
    for (let at = other.bins.length - 1; at >= 0; at--) {
      const count = other.bins[at]!;
      if (count > 0) this.add(other.from + at, count);
    }
  }

  /**
   * The value that a share of all did not exceed, at most 1 % off; 0 without any.
   * @param q from 0 to 1
   */
  quantile(q: number): number {
    if (this.count === 0) return 0;
    const rank = Math.max(1, Math.ceil(q * this.count));
    let seen = this.zeros;
    if (seen >= rank) return 0;
    for (let at = 0; at < this.bins.length; at++) {
      seen += this.bins[at]!;
      if (seen >= rank) {
        // The middle of the bin, by relative distance to both of its ends.
        const middle = (2 * GAMMA ** (this.from + at)) / (1 + GAMMA);
        return Math.min(this.max, Math.max(this.min, middle));
      }
    }
    return this.max;
  }

  /** Forgets all, and keeps the room. */
  clear(): void {
    this.count = this.sum = this.zeros = this.max = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.bins.fill(0);
  }

  toData(): SketchData {
    let from = 0;
    let to = this.bins.length;
    while (from < to && this.bins[from] === 0) from++;
    while (to > from && this.bins[to - 1] === 0) to--;
    return {
      zeros: this.zeros,
      from: this.from + from,
      bins: Array.from(this.bins.subarray(from, to)),
      sum: this.sum,
      // JSON knows no infinity.
      min: this.count === 0 ? 0 : this.min,
      max: this.max,
    };
  }

  static of(data: SketchData): Sketch {
    const sketch = new Sketch();
    sketch.zeros = data.zeros;
    sketch.from = data.from;
    sketch.bins = Float64Array.from(data.bins);
    sketch.count = data.bins.reduce((sum, count) => sum + count, data.zeros);
    sketch.sum = data.sum;
    sketch.max = data.max;
    if (sketch.count > 0) sketch.min = data.min;
    return sketch;
  }

  /** Adds to a bin for which there may be no room yet. */
  private add(key: number, count: number): void {
    if (this.bins.length === 0) this.from = key - CHUNK / 2;
    if (key < this.from) this.grow(key, this.from + this.bins.length - 1);
    else if (key >= this.from + this.bins.length) this.grow(this.from, key);
    this.bins[Math.max(0, key - this.from)]! += count;
  }

  /** Makes room for keys, the highest first; what lies too low goes into the lowest bin there is. */
  private grow(lowest: number, highest: number): void {
    const old = this.bins;
    const oldFrom = this.from;
    let to = Math.ceil((highest + 1 - oldFrom) / CHUNK) * CHUNK + oldFrom;
    let from = oldFrom - Math.ceil((oldFrom - lowest) / CHUNK) * CHUNK;
    if (to - from > this.maxBins) {
      to = highest + 1;
      from = Math.max(from, to - this.maxBins);
    }
    if (from === oldFrom && to - from === old.length) return;
    this.from = from;
    this.bins = new Float64Array(to - from);
    for (let at = 0; at < old.length; at++) {
      if (old[at]! > 0) this.bins[Math.max(0, oldFrom + at - from)]! += old[at]!;
    }
  }
}
