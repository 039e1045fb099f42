/**
 * How many may be worked on at once, as an algorithm decides it. An algorithm hears how
 * each piece of work went and moves its limit; it neither counts permits nor knows of HTTP.
 */

/** How one piece of work went. */
export interface LimitSample {
  /** From its permit to its end, in ms. */
  readonly rttMs: number;
  /** Units of cost that were under way when it began, its own included. */
  readonly inflight: number;
  /** It was given up or turned away behind us: a sign of too much, whatever it took. */
  readonly dropped: boolean;
  /** When it ended, in monotonic ms. */
  readonly endMs: number;
}

/** An algorithm that decides a limit. Give each queue its own. */
export interface Limit {
  /** Units of cost that may be under way at once; at least 1, need not be whole. */
  readonly limit: number;
  /** Hears of work that ended and says something of the load; absent where nothing is learned. */
  onSample?(sample: LimitSample): void;
  /** Frees what it holds. Idempotent. */
  close?(): void;
}
