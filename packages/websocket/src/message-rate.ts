/**
 * How many messages a connection may send: so many a second, and a burst of some (GCRA, the
 * "virtual scheduling" of ITU-T I.371 annex A). One number is its whole state.
 */

/** What a message counts for. */
export type RateVerdict = 'admitted' | 'refused' | 'abusive';

/** The rate of one connection. */
export class MessageRate {
  private readonly intervalMs: number;
  private readonly toleranceMs: number;
  /** When the next message would be due if all had come evenly, in monotonic ms. */
  private dueMs: number = 0;
  private refused: number = 0;
  private readonly patience: number;

  /**
   * @param perSecond messages, in the long run
   * @param burst messages at once; as many in vain, beyond those that were admitted since, are abuse
   */
  constructor(perSecond: number, burst: number) {
    this.intervalMs = 1000 / perSecond;
    this.toleranceMs = this.intervalMs * (burst - 1);
    this.patience = burst;
  }

  take(nowMs: number): RateVerdict {
    const dueMs = Math.max(this.dueMs, nowMs);
    if (dueMs - nowMs > this.toleranceMs) {
      return ++this.refused > this.patience ? 'abusive' : 'refused';
    }
    this.dueMs = dueMs + this.intervalMs;
    this.refused = Math.max(0, this.refused - 1);
    return 'admitted';
  }

  /** Time until a message is admitted again, in ms. */
  waitMs(nowMs: number): number {
    return Math.max(0, Math.ceil(this.dueMs - this.toleranceMs - nowMs));
  }
}
