/**
 * The calls of the last while, in a ring of buckets: the oldest bucket is emptied as a whole, so
 * that a call costs no more than two additions.
 */
import type { Window } from './window.ts';

/** The window is exact to a tenth of its length. */
const BUCKETS = 10;

export class TimeWindow implements Window {
  calls: number = 0;
  hits: number = 0;
  private readonly bucketMs: number;
  private readonly callsOf: Uint32Array = new Uint32Array(BUCKETS);
  private readonly hitsOf: Uint32Array = new Uint32Array(BUCKETS);
  private at: number = 0;
  /** When the next bucket begins, in monotonic ms. */
  private turnsMs: number = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number) {
    this.bucketMs = windowMs / BUCKETS;
  }

  add(hit: boolean, nowMs: number): void {
    if (nowMs >= this.turnsMs) this.turn(nowMs);
    const { at } = this;
    this.calls++;
    this.callsOf[at]!++;
    if (!hit) return;
    this.hits++;
    this.hitsOf[at]!++;
  }

  clear(): void {
    this.callsOf.fill(0);
    this.hitsOf.fill(0);
    this.calls = this.hits = 0;
  }

  private turn(nowMs: number): void {
    const turns = Math.floor((nowMs - this.turnsMs) / this.bucketMs) + 1;
    if (turns >= BUCKETS) {
      this.clear();
      this.turnsMs = nowMs + this.bucketMs;
      return;
    }
    for (let turn = 0; turn < turns; turn++) {
      const at = (this.at = (this.at + 1) % BUCKETS);
      this.calls -= this.callsOf[at]!;
      this.hits -= this.hitsOf[at]!;
      this.callsOf[at] = this.hitsOf[at] = 0;
    }
    this.turnsMs += turns * this.bucketMs;
  }
}
