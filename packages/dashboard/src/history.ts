/**
 * The past of every chart: a ring of samples, so that a tab that is opened now sees what was. Its
 * size is fixed once a series is known; samples need not be equally far apart.
 */

/** Series that are kept at most; panels have some thirty. */
const MAX_SERIES = 64;

/** The samples after a point in time, as the page takes them. */
export interface Past {
  /** When each sample was taken, in ms since the epoch. */
  readonly at: readonly number[];
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

/** The samples of a page. */
export class History {
  private readonly capacity: number;
  private readonly maxAgeMs: number;
  private readonly times: Float64Array;
  private readonly series = new Map<string, Float64Array>();
  private next = 0;
  private size = 0;

  /**
   * @param capacity samples that are kept at most
   * @param maxAgeMs older ones are not told of
   */
  constructor(capacity: number, maxAgeMs: number) {
    this.capacity = capacity;
    this.maxAgeMs = maxAgeMs;
    this.times = new Float64Array(capacity);
  }

  /** Adds a sample; a value that is absent was not known. */
  add(at: number, values: Iterable<readonly [key: string, value: number | undefined]>): void {
    const index = this.next;
    this.times[index] = at;
    for (const ring of this.series.values()) ring[index] = Number.NaN;
    for (const [key, value] of values) {
      let ring = this.series.get(key);
      if (ring === undefined) {
        if (this.series.size >= MAX_SERIES) continue;
        ring = new Float64Array(this.capacity).fill(Number.NaN);
        this.series.set(key, ring);
      }
      if (value !== undefined) ring[index] = value;
    }
    this.next = (index + 1) % this.capacity;
    if (this.size < this.capacity) this.size++;
  }

  /** The samples after `afterAt`, oldest first. */
  since(afterAt: number, nowAt: number): Past {
    const fromAt = Math.max(afterAt, nowAt - this.maxAgeMs - 1);
    const indices: number[] = [];
    for (let age = this.size; age > 0; age--) {
      const index = (this.next - age + this.capacity) % this.capacity;
      if (this.times[index]! > fromAt) indices.push(index);
    }
    return {
      at: indices.map((index) => this.times[index]!),
      series: Object.fromEntries(
        [...this.series].map(([key, ring]) => [key, indices.map((index) => brief(ring[index]!))]),
      ),
    };
  }
}

/** Four digits are more than a chart can show. */
function brief(value: number): number | null {
  return Number.isNaN(value) ? null : Number(value.toPrecision(4));
}
