/**
 * Sliding log: whatever window of time one looks at, no more than the limit was admitted in it.
 * A log of single units would be exact, and as long as the limit is high. This one is counted
 * into cells of a twentieth of the limit: a cell remembers when its last unit came, and leaves
 * the window then, as a whole. So it never admits more than the limit in any window, at most a
 * twentieth less, and a key takes 21 cells at the most. Up to a limit of 20 it is exact.
 */
import { type Algorithm, type AlgorithmOptions, grown, shareOf } from './algorithm.ts';

/** Cells that hold a full limit. */
const FULL_CELLS = 20;

export class SlidingLog implements Algorithm {
  limit: number;
  private readonly options: AlgorithmOptions;
  /** Units in a full cell. */
  private readonly cellUnits: number;
  /** Cells of a key: the full ones, and the one that is being filled. */
  private readonly cells: number;
  /** Sum of a key's cells. */
  private used: Float64Array = new Float64Array(0);
  /** A key's oldest cell, and how many it has from there on, round its cells. */
  private first: Uint8Array = new Uint8Array(0);
  private count: Uint8Array = new Uint8Array(0);
  /** `cells` each for every key. */
  private units: Uint32Array = new Uint32Array(0);
  private lastMs: Float64Array = new Float64Array(0);

  constructor(options: AlgorithmOptions) {
    this.options = options;
    this.limit = options.limit;
    this.cellUnits = Math.ceil(options.limit / FULL_CELLS);
    this.cells = Math.ceil(options.limit / this.cellUnits) + 1;
  }

  get capacity(): number {
    return this.limit;
  }

  reserve(slots: number): void {
    const { used, first, count, units, lastMs, cells } = this;
    this.used = grown(used, slots);
    this.lastMs = grown(lastMs, slots * cells);
    this.first = new Uint8Array(slots);
    this.first.set(first);
    this.count = new Uint8Array(slots);
    this.count.set(count);
    this.units = new Uint32Array(slots * cells);
    this.units.set(units);
  }

  clear(slot: number): void {
    this.used[slot] = 0;
    this.count[slot] = 0;
  }

  available(slot: number, nowMs: number): number {
    if (this.count[slot] !== 0) this.forget(slot, nowMs - this.options.windowMs);
    return this.limit - this.used[slot]!;
  }

  take(slot: number, units: number, nowMs: number): void {
    const count = this.count[slot]!;
    this.used[slot]! += units;
    let left = units;
    if (count > 0) {
      const newest = this.cellAt(slot, count - 1);
      const room = this.cellUnits - this.units[newest]!;
      // Out of cells after what was given back, or taken beyond the limit: rather strict than loose.
      const added = count === this.cells ? left : Math.min(left, Math.max(0, room));
      if (added > 0) {
        this.units[newest]! += added;
        this.lastMs[newest] = nowMs;
        left -= added;
      }
    }
    if (left === 0) return;
    const cell = this.cellAt(slot, count);
    this.units[cell] = left;
    this.lastMs[cell] = nowMs;
    this.count[slot] = count + 1;
  }

  give(slot: number, units: number, takenMs: number, nowMs: number): void {
    const untilMs = nowMs - this.options.windowMs;
    if (takenMs <= untilMs) return;
    this.forget(slot, untilMs);
    let left = units;
    // From the cell they went into on: newer ones stay for longer than these units would have.
    for (let at = 0; at < this.count[slot]! && left > 0; at++) {
      const cell = this.cellAt(slot, at);
      if (this.lastMs[cell]! < takenMs) continue;
      const given = Math.min(left, this.units[cell]!);
      this.units[cell]! -= given;
      this.used[slot]! -= given;
      left -= given;
    }
    while (this.count[slot]! > 0 && this.units[this.cellAt(slot, this.count[slot]! - 1)] === 0) {
      this.count[slot]!--;
    }
  }

  waitMs(slot: number, units: number, nowMs: number): number {
    const { windowMs } = this.options;
    if (units > this.limit) return windowMs;
    let missing = units - this.available(slot, nowMs);
    for (let at = 0; at < this.count[slot]! && missing > 0; at++) {
      const cell = this.cellAt(slot, at);
      missing -= this.units[cell]!;
      if (missing <= 0) return Math.max(0, this.lastMs[cell]! + windowMs - nowMs);
    }
    return 0;
  }

  resetMs(slot: number, nowMs: number): number {
    if (this.available(slot, nowMs) === this.limit) return 0;
    return Math.max(0, this.lastMs[this.cellAt(slot, 0)]! + this.options.windowMs - nowMs);
  }

  scale(ratio: number): void {
    this.limit = shareOf(this.options.limit, ratio);
  }

  /** Drops the cells whose last unit came no later than `untilMs`. */
  private forget(slot: number, untilMs: number): void {
    let count = this.count[slot]!;
    while (count > 0) {
      const cell = this.cellAt(slot, 0);
      if (this.lastMs[cell]! > untilMs) break;
      this.used[slot]! -= this.units[cell]!;
      this.first[slot] = (this.first[slot]! + 1) % this.cells;
      count--;
    }
    this.count[slot] = count;
  }

  /** A key's cell by age, the oldest being 0. */
  private cellAt(slot: number, age: number): number {
    return slot * this.cells + ((this.first[slot]! + age) % this.cells);
  }
}
