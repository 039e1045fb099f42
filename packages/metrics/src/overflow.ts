/**
 * How many series there may be of one kind, and how many more there would have been: whoever lets
 * clients choose labels would otherwise fill the memory, here and where the series are stored.
 */
export class Overflow {
  /** Series that were refused, as far as they are told apart. */
  get size(): number {
    return this.refused.size;
  }

  private readonly refused: Set<string> = new Set();
  readonly maxSeries: number;

  constructor(maxSeries: number) {
    this.maxSeries = maxSeries;
  }

  /** Whether one more may be made beside `existing`; it is counted by its name where not. */
  admits(existing: number, name: string): boolean {
    if (existing < this.maxSeries) return true;
    // As many are told apart as there may be; to know that it is far too many is enough.
    if (this.refused.size < this.maxSeries) this.refused.add(name);
    return false;
  }
}
