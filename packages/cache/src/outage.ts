/** Whether a store answers: from its first failure on it does not, until it is found to. */
export class Outage {
  failuresTotal: number = 0;
  private isDown: boolean = false;

  /** It has failed, and has not worked since. */
  get down(): boolean {
    return this.isDown;
  }

  worked(): void {
    this.isDown = false;
  }

  /** Says whether this begins an outage. */
  failed(): boolean {
    this.failuresTotal++;
    const begins = !this.isDown;
    this.isDown = true;
    return begins;
  }
}
