/**
 * The window that processes count in together, by the counters of a store. Where those slide, it
 * is cut into slices, and each counts in full until all of it has left: never more than the limit
 * is admitted in any window, and at least nineteen twentieths of it at an even pace. Where a store
 * has counters that start anew alone, they are two windows, which lie where the clock puts them;
 * the one before is weighed by how much of it the sliding window still covers, as if its units had
 * come evenly. `fixed` is one window.
 */
import type { Policy } from './policy.ts';
import type { Standing } from './standing.ts';

/** Slices before the present one. More would admit more of a limit, and make answers longer. */
const SLICES = 20;

/** How a window is cut. */
export interface Cut {
  readonly sliceMs: number;
  /** Slices before the present one that count as well. */
  readonly before: number;
  /** The counter slides; otherwise each slice is a counter of its own. */
  readonly slides: boolean;
}

/** What the slices of a window hold. */
export interface Reading {
  readonly current: number;
  /** The slices before, the latest first. */
  readonly older: readonly number[];
}

/** @param slides whether the store has counters that slide */
export function cutOf({ options }: Policy, slides: boolean): Cut {
  const { algorithm, windowMs } = options;
  if (algorithm === 'fixed') return { sliceMs: windowMs, before: 0, slides: false };
  if (!slides) return { sliceMs: windowMs, before: 1, slides };
  // A slice is no shorter than a store's ms.
  const before = Math.max(1, Math.min(SLICES, Math.floor(windowMs)));
  return { sliceMs: windowMs / before, before, slides };
}

/** What all processes have leaves no more than it leaves. @param restMs until the present slice is over */
export function correct(
  standing: Standing,
  reading: Reading,
  units: number,
  restMs: number,
  cut: Cut,
): void {
  const { policy } = standing;
  const limit = limitOf(policy);
  const used = usedOf(reading, restMs, cut);
  const left = Math.floor(limit - used);
  if (left < standing.remaining) {
    standing.remaining = left;
    standing.resetMs = untilMore(reading, restMs, cut);
  }
  if (used <= limit) return;
  standing.violated = true;
  standing.reduced = used <= policy.fullCapacity;
  const others = { current: reading.current - units, older: reading.older };
  const waitMs = untilRoom(others, limit - units, restMs, cut);
  // What this process has counted may hold for longer.
  standing.waitMs = Math.max(standing.waitMs, waitMs);
}

/** A bucket may let its burst through at once, however low its limit is. */
function limitOf({ algorithm }: Policy): number {
  return Math.max(algorithm.limit, algorithm.capacity);
}

function usedOf({ current, older }: Reading, restMs: number, { slides, sliceMs }: Cut): number {
  let used = current;
  for (const count of older) used += count;
  return slides || older.length === 0 ? used : used - older[0]! * (1 - restMs / sliceMs);
}

/** How long until a unit comes free, in ms. */
function untilMore({ older }: Reading, restMs: number, { before, slides, sliceMs }: Cut): number {
  const oldest = older.findLastIndex((count) => count > 0);
  if (slides) return restMs + (before - 1 - oldest) * sliceMs;
  return oldest === -1 ? restMs : Math.min(restMs, sliceMs / older[oldest]!);
}

/** How long until no more than `room` units are left, in ms. */
function untilRoom(
  { current, older }: Reading,
  room: number,
  restMs: number,
  { before, slides, sliceMs }: Cut,
): number {
  if (!slides && older.length > 0) {
    // The window before has to slide out a little more, or all of it and a part of this one.
    if (current <= room) return Math.max(0, restMs - ((room - current) / older[0]!) * sliceMs);
    return current <= 0 ? restMs : restMs + Math.max(0, 1 - room / current) * sliceMs;
  }
  let left = current;
  for (const count of older) left += count;
  for (let age = older.length; age > 0; age--) {
    left -= older[age - 1]!;
    if (left <= room) return restMs + (before - age) * sliceMs;
  }
  return restMs + before * sliceMs;
}
