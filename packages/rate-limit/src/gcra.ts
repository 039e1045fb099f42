/**
 * GCRA, the generic cell rate algorithm (ITU-T I.371, Annex A): units should come evenly, one each
 * window / limit, and may run ahead of that by `burst` of them. One number for each key, the
 * theoretical arrival time: when the next unit would come if all had come evenly.
 */
import { type Algorithm, type AlgorithmOptions, grown, shareOf } from './algorithm.ts';

export class Gcra implements Algorithm {
  limit: number;
  capacity: number;
  private readonly options: AlgorithmOptions;
  private intervalMs: number;
  private arrivalMs: Float64Array = new Float64Array(0);

  constructor(options: AlgorithmOptions) {
    this.options = options;
    this.limit = options.limit;
    this.capacity = options.burst;
    this.intervalMs = options.windowMs / options.limit;
  }

  reserve(slots: number): void {
    this.arrivalMs = grown(this.arrivalMs, slots);
  }

  clear(slot: number): void {
    this.arrivalMs[slot] = Number.NEGATIVE_INFINITY;
  }

  available(slot: number, nowMs: number): number {
    return Math.floor(this.capacity - this.aheadMs(slot, nowMs) / this.intervalMs + ROUNDING);
  }

  take(slot: number, units: number, nowMs: number): void {
    this.arrivalMs[slot] = Math.max(nowMs, this.arrivalMs[slot]!) + units * this.intervalMs;
  }

  give(slot: number, units: number, takenMs: number, nowMs: number): void {
    // They have come back by themselves.
    if (nowMs - takenMs >= this.options.windowMs) return;
    this.arrivalMs[slot]! -= units * this.intervalMs;
  }

  waitMs(slot: number, units: number, nowMs: number): number {
    if (units > this.capacity) return this.options.windowMs;
    const earliestMs = this.aheadMs(slot, nowMs) + (units - this.capacity) * this.intervalMs;
    return earliestMs <= ROUNDING * this.intervalMs ? 0 : earliestMs;
  }

  resetMs(slot: number, nowMs: number): number {
    const ahead = this.aheadMs(slot, nowMs) / this.intervalMs;
    return ahead === 0 ? 0 : (ahead - Math.ceil(ahead - ROUNDING) + 1) * this.intervalMs;
  }

  scale(ratio: number): void {
    this.limit = shareOf(this.options.limit, ratio);
    this.capacity = shareOf(this.options.burst, ratio);
    this.intervalMs = this.options.windowMs / this.limit;
  }

  /** How far the units have run ahead of even ones. */
  private aheadMs(slot: number, nowMs: number): number {
    return Math.max(0, this.arrivalMs[slot]! - nowMs);
  }
}

/** Sums of parts of a unit are that exact. */
const ROUNDING = 1e-6;
