/**
 * Finding out, in two steps. At first as many calls go through as the limit allows, and all of
 * them have to succeed. Then comes the ramp: a share of the calls, which grows with the health,
 * so that what has only just come back is not met by everybody at once.
 */
export class HalfOpen {
  readonly kind = 'half-open' as const;
  readonly sinceAt: number;
  successes: number = 0;
  inflight: number = 0;
  private readonly limit: number;
  /** How long a call may keep its place before another is let in beside it, in ms. */
  private readonly patienceMs: number;
  private admittedMs: number = Number.NEGATIVE_INFINITY;
  /** Calls that the share has saved up for. */
  private credit: number = 0;

  constructor(sinceAt: number, limit: number, patienceMs: number) {
    this.sinceAt = sinceAt;
    this.limit = limit;
    this.patienceMs = patienceMs;
  }

  /** Whether the first calls are still finding out. */
  get probing(): boolean {
    return this.successes < this.limit;
  }

  /** Takes a call in, or does not. */
  admit(healthRatio: number, nowMs: number): boolean {
    if (!this.hasPlace(healthRatio, nowMs)) return false;
    this.inflight++;
    this.admittedMs = nowMs;
    return true;
  }

  /** A call is over; `good` tells how, `undefined` that it says nothing. */
  leave(good: boolean | undefined): void {
    this.inflight--;
    if (good === true) this.successes++;
  }

  private hasPlace(healthRatio: number, nowMs: number): boolean {
    if (this.probing) {
      // A call that never ends must not keep the circuit from recovering.
      return (
        this.successes + this.inflight < this.limit || nowMs - this.admittedMs >= this.patienceMs
      );
    }
    this.credit += healthRatio;
    if (this.credit < 1) return false;
    this.credit--;
    return true;
  }
}
