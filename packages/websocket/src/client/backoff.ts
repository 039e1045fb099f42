/**
 * How long to wait before the next attempt: anything from nothing up to a limit that doubles with
 * each failure ("full jitter"), so that the clients of a server that went away do not come back in step.
 */
export class Backoff {
  private readonly minDelayMs: number;
  private readonly maxDelayMs: number;
  private readonly random: () => number;
  private failures: number = 0;
  private hintMs: number | undefined = undefined;

  constructor(minDelayMs: number, maxDelayMs: number, random: () => number) {
    this.minDelayMs = minDelayMs;
    this.maxDelayMs = maxDelayMs;
    this.random = random;
  }

  /** The server has said when to come back; counts once. */
  hint(delayMs: number): void {
    this.hintMs = delayMs;
  }

  /** An attempt has succeeded. */
  reset(): void {
    this.failures = 0;
    this.hintMs = undefined;
  }

  /** The delay before the next attempt, in ms. */
  next(): number {
    const { hintMs } = this;
    this.hintMs = undefined;
    if (hintMs !== undefined) return hintMs;
    const limitMs = Math.min(this.maxDelayMs, this.minDelayMs * 2 ** this.failures++);
    return Math.round(this.random() * limitMs);
  }
}
