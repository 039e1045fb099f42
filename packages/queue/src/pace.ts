/**
 * How fast a queue moves while somebody waits: the time in which one unit of cost leaves
 * it. It is measured at the exit, so that it holds for work that waits elsewhere, for work
 * that fills the processor, and for a class that only gets what others leave. Until there
 * is something to measure, Little's law tells it: in the time that work takes, as many
 * units leave as are worked on at once.
 */

/** What is known of the work itself. */
export interface WorkTime {
  /** Mean time of work, in ms; 0 while none has ended. */
  readonly serviceMs: number;
  /** Units that are worked on at once. */
  readonly limit: number;
}

/** Departures are counted over at least this long, in ms, or while work takes: they come in bursts. */
const WINDOW_MS = 20;
/** Time over which an old pace is forgotten, in ms, or four times as long as work takes. */
const MEMORY_MS = 200;
/** A pace that is older says nothing any more, in ms. */
const STALE_MS = 1000;

export class Pace {
  private elapsedMs: number = 0;
  private left: number = 0;
  private beginMs: number = Number.NaN;
  private units: number = 0;
  private lastMs: number = Number.NEGATIVE_INFINITY;

  /** Somebody has begun to wait where nobody did. */
  begin(nowMs: number): void {
    if (nowMs - this.lastMs > STALE_MS) this.elapsedMs = this.left = 0;
    this.beginMs = nowMs;
    this.units = 0;
  }

  /** So much has left for work. */
  took(cost: number, nowMs: number, work: WorkTime): void {
    this.units += cost;
    if (nowMs - this.beginMs >= Math.max(WINDOW_MS, work.serviceMs)) this.fold(nowMs, work);
  }

  /** Nobody waits any more. */
  end(nowMs: number): void {
    // A queue that is gone before a window is over was held up by one, or by nothing: it tells no pace.
    this.lastMs = nowMs;
    this.beginMs = Number.NaN;
  }

  /** The time in which one unit leaves, in ms; 0 while nothing is known. */
  estimateMs(nowMs: number, { serviceMs, limit }: WorkTime): number {
    const knownMs = this.left === 0 ? serviceMs / limit : this.elapsedMs / this.left;
    const openMs = nowMs - this.beginMs;
    // Of a queue that has stopped, for longer than work takes, the last departures say nothing.
    const stopped = serviceMs > 0 && openMs > 2 * Math.max(WINDOW_MS, serviceMs);
    return stopped ? Math.max(knownMs, openMs / (this.units + 1)) : knownMs;
  }

  private fold(nowMs: number, { serviceMs, limit }: WorkTime): void {
    if (this.left === 0 && serviceMs > 0) {
      this.elapsedMs = serviceMs;
      this.left = limit;
    }
    const passedMs = nowMs - this.beginMs;
    const kept = Math.exp(-passedMs / Math.max(MEMORY_MS, 4 * serviceMs));
    this.elapsedMs = this.elapsedMs * kept + passedMs;
    this.left = this.left * kept + this.units;
    this.beginMs = nowMs;
    this.units = 0;
  }
}
