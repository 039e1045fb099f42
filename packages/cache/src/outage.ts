/** Whether a store answers: after a few failures in a row it does not, until it is found to. */

/** Failures in a row after which nobody asks any more: one alone may be a moment's. */
const FAILURES = 3;

export class Outage {
  failuresTotal: number = 0;
  private failures: number = 0;

  /** It has failed, and has not worked since. */
  get down(): boolean {
    return this.failures >= FAILURES;
  }

  worked(): void {
    this.failures = 0;
  }

  /** Says whether this begins an outage. */
  failed(): boolean {
    this.failuresTotal++;
    return ++this.failures === FAILURES;
  }
}
