/** The slow statements of late, in a ring. */

/** A statement that took long. */
export interface SlowQuery {
  /** When it ended, in ms since the epoch. */
  readonly at: number;
  /** Names its form, for its plan. */
  readonly id: string;
  /** Its fingerprint: without values. */
  readonly text: string;
  readonly durationMs: number;
  readonly rows: number | undefined;
  readonly method: string | undefined;
  readonly route: string | undefined;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
  readonly callSite: string | undefined;
}

export class SlowQueries {
  private readonly max: number;
  private readonly ring: SlowQuery[] = [];
  private next: number = 0;

  constructor(max: number) {
    this.max = max;
  }

  add(slow: SlowQuery): void {
    this.ring[this.next] = slow;
    this.next = (this.next + 1) % this.max;
  }

  /** The latest first. */
  get list(): readonly SlowQuery[] {
    return [...this.ring.slice(this.next), ...this.ring.slice(0, this.next)].toReversed();
  }
}
