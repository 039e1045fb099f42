/**
 * Whether it helps to do less at once. What is slow for other reasons, such as a dependency
 * that has become slower or a machine that others use, is as slow with a third fewer.
 */

/** The limit must have shrunk to this share before it is asked whether that helped. */
const SHRUNK_RATIO = 0.7;
/** It helped if what was too much is no more than this share of what it was. */
const HELPED_RATIO = 0.85;

/** A limit on its way down, from where it began. */
export class Descent {
  private readonly limit: number;
  private readonly level: number;

  /** `level` is what is too much, such as a time. */
  constructor(limit: number, level: number) {
    this.limit = limit;
    this.level = level;
  }

  /** Whether it has helped so far; `undefined` while it is too early to tell. */
  helped(limit: number, level: number, isLeast: boolean): boolean | undefined {
    if (limit > this.limit * SHRUNK_RATIO && !isLeast) return undefined;
    return level <= this.level * HELPED_RATIO;
  }
}
