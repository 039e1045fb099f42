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

/** Of those who waited or were refused, more than this share refused is not few. */
const FEW_RATIO = 1 / 8;

/**
 * A queue that is kept short by refusing does not stand any more, and yet nothing has become
 * better. So it counts as standing until an interval has passed in which few had to be refused.
 */
export class Codel {
  /** The queue stands, or would. */
  overloaded: boolean = false;
  private leastMs: number = Number.POSITIVE_INFINITY;
  private endMs: number = Number.NaN;
  private ended: number = 0;
  private refused: number = 0;

  /** Nobody waits. */
  empty(nowMs: number, target: CodelTarget): void {
    this.leastMs = 0;
    this.check(nowMs, target);
  }

  /** Somebody's wait ended. */
  note(waitedMs: number, nowMs: number, target: CodelTarget): void {
    if (waitedMs < this.leastMs) this.leastMs = waitedMs;
    this.ended++;
    this.check(nowMs, target);
  }

  /** Somebody was refused. */
  press(): void {
    this.refused++;
  }

  /** Decides at the end of an interval. One in which nobody's wait ended counts as standing. */
  check(nowMs: number, { targetMs, intervalMs }: CodelTarget): void {
    if (Number.isNaN(this.endMs)) this.endMs = nowMs + intervalMs;
    else if (nowMs >= this.endMs) {
      const many = this.refused > FEW_RATIO * (this.refused + this.ended);
      this.overloaded = many || this.leastMs > targetMs;
      this.refused = this.ended = 0;
      this.leastMs = Number.POSITIVE_INFINITY;
      this.endMs = nowMs + intervalMs;
    }
  }
}
