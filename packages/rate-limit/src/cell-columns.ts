/**
 * Cells of many keys: how many units each holds, and when the last one came. They lie by age, and
 * in pages that are made when they are first written: most keys ask once and have one cell, and a
 * million of those must not cost what a million busy ones would.
 */

/** Slots of a page. */
const PAGE_BITS = 10;
const PAGE_SLOTS = 1 << PAGE_BITS;
const IN_PAGE = PAGE_SLOTS - 1;

interface Page {
  readonly units: Float64Array;
  readonly lastMs: Float64Array;
}

export class CellColumns {
  private readonly pages: (Page | undefined)[][] = [];

  /** Units of a cell that has been set. */
  units(age: number, slot: number): number {
    return this.pages[age]![slot >> PAGE_BITS]!.units[slot & IN_PAGE]!;
  }

  /** When its last unit came. */
  lastMs(age: number, slot: number): number {
    return this.pages[age]![slot >> PAGE_BITS]!.lastMs[slot & IN_PAGE]!;
  }

  set(age: number, slot: number, units: number, lastMs: number): void {
    const ofAge = (this.pages[age] ??= []);
    const page = (ofAge[slot >> PAGE_BITS] ??= {
      units: new Float64Array(PAGE_SLOTS),
      lastMs: new Float64Array(PAGE_SLOTS),
    });
    page.units[slot & IN_PAGE] = units;
    page.lastMs[slot & IN_PAGE] = lastMs;
  }
}
