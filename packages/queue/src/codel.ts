/**
 * Controlled delay (CoDel, RFC 8289) for requests: a queue that empties now and then
 * absorbs bursts and is good; one in which everybody waits, for a whole interval, stands,
 * and only makes everybody late. What is watched is the least wait of an interval, as in
 * Facebook's use of it ("Fail at Scale", ACM Queue 2015).
 */

/** How long waiting may be. */
export interface CodelTarget {
  /** The least wait of an interval from which on the queue stands, in ms. */
  readonly targetMs: number;
  /** How long it must have been so, in ms. */
  readonly intervalMs: number;
}

export class Codel {
  /** The queue stands. */
  overloaded: boolean = false;
  private leastMs: number = Number.POSITIVE_INFINITY;
  private endMs: number = Number.NaN;

  /** Somebody's wait ended. */
  note(waitedMs: number, nowMs: number, target: CodelTarget): void {
    if (waitedMs < this.leastMs) this.leastMs = waitedMs;
    this.check(nowMs, target);
  }

  /** Decides at the end of an interval. One in which nobody's wait ended counts as standing. */
  check(nowMs: number, { targetMs, intervalMs }: CodelTarget): void {
    if (Number.isNaN(this.endMs)) this.endMs = nowMs + intervalMs;
    else if (nowMs >= this.endMs) {
      this.overloaded = this.leastMs > targetMs;
      this.leastMs = Number.POSITIVE_INFINITY;
      this.endMs = nowMs + intervalMs;
    }
  }

  /** Nobody waits: whatever stood is gone. */
  calm(): void {
    this.overloaded = false;
    this.leastMs = Number.POSITIVE_INFINITY;
    this.endMs = Number.NaN;
  }
}
