/**
 * Sliding log: whatever window of time one looks at, no more than the limit was admitted in it.
 * A log of single units would be exact, and as long as the limit is high. This one is counted
 * into cells of a twentieth of the limit: a cell remembers when its last unit came, and leaves
 * the window then, as a whole. So it never admits more than the limit in any window, at most a
 * twentieth less, and a key takes 21 cells at the most. Up to a limit of 20 it is exact.
 */
import { type Algorithm, type AlgorithmOptions, grown, shareOf } from './algorithm.ts';
import { CellColumns } from './cell-columns.ts';

/** Cells that hold a full limit. */
const FULL_CELLS = 20;

export class SlidingLog implements Algorithm {
  limit: number;
  private readonly options: AlgorithmOptions;
  /** Units in a full cell. */
  private readonly cellUnits: number;
  /** Cells of a key: the full ones, and the one that is being filled. */
  private readonly maxCells: number;
  /** A key's cells, the oldest first. */
  private readonly cells: CellColumns = new CellColumns();
  /** How many of them there are, and their sum. */
  private count: Float64Array = new Float64Array(0);
  private used: Float64Array = new Float64Array(0);

  constructor(options: AlgorithmOptions) {
    this.options = options;
    this.limit = options.limit;
    this.cellUnits = Math.ceil(options.limit / FULL_CELLS);
    this.maxCells = Math.ceil(options.limit / this.cellUnits) + 1;
  }

  get capacity(): number {
    return this.limit;
  }

  reserve(slots: number): void {
    this.count = grown(this.count, slots);
    this.used = grown(this.used, slots);
  }

  clear(slot: number): void {
    this.count[slot] = 0;
    this.used[slot] = 0;
  }

  available(slot: number, nowMs: number): number {
    if (this.count[slot] !== 0) this.forget(slot, nowMs - this.options.windowMs);
    return this.limit - this.used[slot]!;
  }

  take(slot: number, units: number, nowMs: number): void {
    const { cells, cellUnits, maxCells } = this;
    const count = this.count[slot]!;
    this.used[slot]! += units;
    let left = units;
    if (count > 0) {
      const held = cells.units(count - 1, slot);
      // Out of cells after what was given back, or taken beyond the limit: rather strict than loose.
      const added = count === maxCells ? left : Math.min(left, Math.max(0, cellUnits - held));
      if (added > 0) cells.set(count - 1, slot, held + added, nowMs);
      left -= added;
    }
    if (left === 0) return;
    cells.set(count, slot, left, nowMs);
    this.count[slot] = count + 1;
  }

  give(slot: number, units: number, takenMs: number, nowMs: number): void {
    const { cells } = this;
    const untilMs = nowMs - this.options.windowMs;
    if (takenMs <= untilMs) return;
    this.forget(slot, untilMs);
    let left = units;
    let count = this.count[slot]!;
    // From the cell they went into on: newer ones stay for longer than these units would have.
    for (let age = 0; age < count && left > 0; age++) {
      const lastMs = cells.lastMs(age, slot);
      if (lastMs < takenMs) continue;
      const held = cells.units(age, slot);
      const given = Math.min(left, held);
      cells.set(age, slot, held - given, lastMs);
      this.used[slot]! -= given;
      left -= given;
    }
    while (count > 0 && cells.units(count - 1, slot) === 0) count--;
    this.count[slot] = count;
  }

  waitMs(slot: number, units: number, nowMs: number): number {
    const { windowMs } = this.options;
    if (units > this.limit) return windowMs;
    let missing = units - this.available(slot, nowMs);
    const count = this.count[slot]!;
    for (let age = 0; age < count && missing > 0; age++) {
      missing -= this.cells.units(age, slot);
      if (missing <= 0) return Math.max(0, this.cells.lastMs(age, slot) + windowMs - nowMs);
    }
    return 0;
  }

  resetMs(slot: number, nowMs: number): number {
    if (this.available(slot, nowMs) === this.limit) return 0;
    return Math.max(0, this.cells.lastMs(0, slot) + this.options.windowMs - nowMs);
  }

  scale(ratio: number): void {
    this.limit = shareOf(this.options.limit, ratio);
  }

  /** Drops the cells whose last unit came no later than `untilMs`. */
  private forget(slot: number, untilMs: number): void {
    const { cells } = this;
    const count = this.count[slot]!;
    let over = 0;
    while (over < count && cells.lastMs(over, slot) <= untilMs) {
      this.used[slot]! -= cells.units(over, slot);
      over++;
    }
    if (over === 0) return;
    for (let age = over; age < count; age++) {
      cells.set(age - over, slot, cells.units(age, slot), cells.lastMs(age, slot));
    }
    this.count[slot] = count - over;
  }
}
