/**
 * How fast a queue moves while somebody waits: the time in which one unit of cost leaves
 * it. It is measured at the exit, not computed from the time that work takes, so that it
 * holds for work that waits elsewhere, for work that fills the processor, and for a class
 * that only gets what others leave.
 */

/** Departures are counted over at least this long, in ms: they come in bursts. */
const WINDOW_MS = 20;
/** Time over which an old pace is forgotten, in ms. */
const MEMORY_MS = 200;
/** A pace that is older says nothing any more, in ms. */
const STALE_MS = 1000;

export class Pace {
  private unitMs: number = 0;
  private beginMs: number = Number.NaN;
  private units: number = 0;
  private lastMs: number = Number.NEGATIVE_INFINITY;

  /** Somebody has begun to wait where nobody did. */
  begin(nowMs: number): void {
    if (nowMs - this.lastMs > STALE_MS) this.unitMs = 0;
    this.beginMs = nowMs;
    this.units = 0;
  }

  /** So much has left for work. */
  took(cost: number, nowMs: number): void {
    this.units += cost;
    if (nowMs - this.beginMs >= WINDOW_MS) this.fold(nowMs);
  }

  /** Nobody waits any more. */
  end(nowMs: number): void {
    // A queue that is gone before a window is over was held up by one, or by nothing: it tells no pace.
    this.lastMs = nowMs;
    this.beginMs = Number.NaN;
  }

  /** The time in which one unit leaves, in ms; 0 while nothing is known. */
  estimateMs(nowMs: number): number {
    const openMs = nowMs - this.beginMs;
    // Of a queue that has stopped the last departures say nothing.
    return openMs > WINDOW_MS ? Math.max(this.unitMs, openMs / (this.units + 1)) : this.unitMs;
  }

  private fold(nowMs: number): void {
    const elapsedMs = nowMs - this.beginMs;
    const sampleMs = elapsedMs / this.units;
    const weight = this.unitMs === 0 ? 1 : 1 - Math.exp(-elapsedMs / MEMORY_MS);
    this.unitMs += (sampleMs - this.unitMs) * weight;
    this.beginMs = nowMs;
    this.units = 0;
  }
}
