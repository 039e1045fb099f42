/** The slow statements of late, in a ring. */
import type { QueryFinding } from './findings.ts';

/** A statement that took long. */
interface SlowQuery {
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

  /** @param at when it ended, in ms since the epoch */
  add(finding: QueryFinding, rows: number | undefined, at: number): void {
    const { id, text, durationMs, method, route, callSite, exchange } = finding;
    this.ring[this.next] = {
      at,
      id,
      text,
      durationMs,
      rows,
      method,
      route,
      requestId: exchange?.id,
      traceId: exchange?.trace?.traceId,
      callSite,
    };
    this.next = (this.next + 1) % this.max;
  }

  /** The latest first. */
  get list(): readonly SlowQuery[] {
    return [...this.ring.slice(this.next), ...this.ring.slice(0, this.next)].toReversed();
  }
}
