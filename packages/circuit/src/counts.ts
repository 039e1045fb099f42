/** What happened to the calls of a breaker; all of it only grows. */
export interface Counts {
  successTotal: number;
  failureTotal: number;
  /** Also among the successes and failures, and calls that were given up on after that long. */
  slowTotal: number;
  /** Calls that said nothing: given up on, or refused further in. */
  ignoredTotal: number;
  /** Calls whose circuit had another state when they came back: they count for nothing. */
  lateTotal: number;
  /** Calls that were not made, because the circuit was open. */
  refusedTotal: number;
  /** Calls that found no place. */
  fullTotal: number;
  /** Calls that a fallback answered. */
  fallbackTotal: number;
  /** How often it opened. */
  openedTotal: number;
}

export function noCounts(): Counts {
  return {
    successTotal: 0,
    failureTotal: 0,
    slowTotal: 0,
    ignoredTotal: 0,
    lateTotal: 0,
    refusedTotal: 0,
    fullTotal: 0,
    fallbackTotal: 0,
    openedTotal: 0,
  };
}

/** Adds `more` to `counts`. */
export function addCounts(counts: Counts, more: Readonly<Counts>): void {
  for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] += more[name];
}
