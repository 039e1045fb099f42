/**
 * A way of counting: the strategies are the files beside this one. Each keeps, for every key of one
 * policy, a few numbers in columns; which key stands in which slot is `Keys`' matter. Amounts are
 * whole units, times are monotonic ms.
 */

/** How the units of one policy are counted. */
export interface Algorithm {
  /** Units that it admits in a window now: what was set, times the share that `scale` gave. */
  readonly limit: number;
  /** The most units that can be had at once now. */
  readonly capacity: number;
  /** Makes room for so many slots; what they hold stays. */
  reserve(slots: number): void;
  /** Begins a slot anew, for a key without a past. */
  clear(slot: number): void;
  /** Units that can be had; below 0 when more was taken than is. */
  available(slot: number, nowMs: number): number;
  /** Takes units, whether or not they can be had. `available` was asked at the same time. */
  take(slot: number, units: number, nowMs: number): void;
  /** Gives back units that were taken at `takenMs`, as far as they still count. */
  give(slot: number, units: number, takenMs: number, nowMs: number): void;
  /** How long until so many units can be had, in ms. More than the capacity never can: then a window. */
  waitMs(slot: number, units: number, nowMs: number): number;
  /** How long until more can be had than now, in ms; 0 where all can. */
  resetMs(slot: number, nowMs: number): number;
  /** Admits a share of what was set, from above 0 to 1, and at least one unit. */
  scale(ratio: number): void;
}

/** What was set. */
export interface AlgorithmOptions {
  /** Units in a window. */
  readonly limit: number;
  readonly windowMs: number;
  /** Units that may come at once, for those that know of bursts. */
  readonly burst: number;
}

/** A share of an amount that nobody is left without. */
export function shareOf(amount: number, ratio: number): number {
  return Math.max(1, Math.floor(amount * ratio));
}

/** A column that is `slots` long, with what it held. */
export function grown(column: Float64Array, slots: number): Float64Array {
  const longer = new Float64Array(slots);
  longer.set(column);
  return longer;
}
