/**
 * Controlled delay (CoDel, RFC 8289) for requests: a queue that empties now and then
 * absorbs bursts and is good; one in which everybody waits, for a whole interval, stands,
 * and only makes everybody late. It is told by those who leave: a queue from which nobody
 * leaves may wait for one long task, and its longest wait is bounded by itself.
 */

/** How long waiting may be. */
export interface WaitTarget {
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
  /** Since when nobody has left who had waited less than the target, in monotonic ms. */
  private aboveSinceMs: number = Number.NaN;
  private endMs: number = Number.NaN;
  private left: number = 0;
  private refused: number = 0;

  /** Nobody waits. */
  empty(nowMs: number, target: WaitTarget): void {
    this.aboveSinceMs = Number.NaN;
    this.check(nowMs, target);
  }

  /** Somebody leaves for work. */
  note(waitedMs: number, nowMs: number, target: WaitTarget): void {
    this.left++;
    if (waitedMs <= target.targetMs) this.aboveSinceMs = Number.NaN;
    else if (Number.isNaN(this.aboveSinceMs)) this.aboveSinceMs = nowMs;
    else if (nowMs - this.aboveSinceMs >= target.intervalMs) this.overloaded = true;
    this.check(nowMs, target);
  }

  /** Somebody was refused. */
  press(): void {
    this.refused++;
  }

  /** Decides at the end of an interval whether it is over. */
  check(nowMs: number, { intervalMs }: WaitTarget): void {
    if (Number.isNaN(this.endMs)) this.endMs = nowMs + intervalMs;
    if (nowMs < this.endMs) return;
    const many = this.refused > FEW_RATIO * (this.refused + this.left);
    this.overloaded = many || nowMs - this.aboveSinceMs >= intervalMs;
    this.refused = this.left = 0;
    this.endMs = nowMs + intervalMs;
  }
}
