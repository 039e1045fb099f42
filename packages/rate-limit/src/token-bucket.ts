/**
 * Token bucket: units come back one by one, evenly over the window, up to `burst` of them. It lets
 * a client that was idle catch up at once; in any window no more than `burst` and the limit passes.
 * What is kept is how much is missing, so that a change of the limit needs no conversion.
 */
import { type Algorithm, type AlgorithmOptions, grown, shareOf } from './algorithm.ts';

export class TokenBucket implements Algorithm {
  limit: number;
  capacity: number;
  private readonly options: AlgorithmOptions;
  /** Units that are missing, as of `atMs`. */
  private missing: Float64Array = new Float64Array(0);
  private atMs: Float64Array = new Float64Array(0);

  constructor(options: AlgorithmOptions) {
    this.options = options;
    this.limit = options.limit;
    this.capacity = options.burst;
  }

  reserve(slots: number): void {
    this.missing = grown(this.missing, slots);
    this.atMs = grown(this.atMs, slots);
  }

  clear(slot: number): void {
    this.missing[slot] = 0;
    this.atMs[slot] = 0;
  }

  available(slot: number, nowMs: number): number {
    return Math.floor(this.capacity - this.missingAt(slot, nowMs) + ROUNDING);
  }

  take(slot: number, units: number, nowMs: number): void {
    this.missing[slot] = this.missingAt(slot, nowMs) + units;
    this.atMs[slot] = nowMs;
  }

  give(slot: number, units: number, takenMs: number, nowMs: number): void {
    // They have come back by themselves.
    if (nowMs - takenMs >= this.options.windowMs) return;
    this.missing[slot] = Math.max(0, this.missingAt(slot, nowMs) - units);
    this.atMs[slot] = nowMs;
  }

  waitMs(slot: number, units: number, nowMs: number): number {
    if (units > this.capacity) return this.options.windowMs;
    const lacking = units - (this.capacity - this.missingAt(slot, nowMs));
    return lacking <= ROUNDING ? 0 : lacking * this.msPerUnit;
  }

  resetMs(slot: number, nowMs: number): number {
    const missing = this.missingAt(slot, nowMs);
    // Down to the next whole unit.
    return missing <= 0 ? 0 : (missing - Math.ceil(missing - ROUNDING) + 1) * this.msPerUnit;
  }

  scale(ratio: number): void {
    this.limit = shareOf(this.options.limit, ratio);
    this.capacity = shareOf(this.options.burst, ratio);
  }

  private get msPerUnit(): number {
    return this.options.windowMs / this.limit;
  }

  private missingAt(slot: number, nowMs: number): number {
    const backSince = Math.max(0, nowMs - this.atMs[slot]!) / this.msPerUnit;
    return Math.max(0, this.missing[slot]! - backSince);
  }
}

/** Sums of parts of a unit are that exact. */
const ROUNDING = 1e-6;
