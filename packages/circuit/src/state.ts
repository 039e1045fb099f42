/** What a breaker is at a time, and why it became that. */

/** Calls go through, and are counted. */
export interface ClosedState {
  readonly kind: 'closed';
}

/** Calls are refused until a time. */
export interface OpenState {
  readonly kind: 'open';
  /** Since when, in ms since the epoch. */
  readonly sinceAt: number;
  /** When it is tried again, in ms since the epoch. */
  readonly untilAt: number;
}

/** Some calls go through, to find out: at first a few, then a share that grows. */
export interface HalfOpenState {
  readonly kind: 'half-open';
  /** Since when, in ms since the epoch. */
  readonly sinceAt: number;
  /** Calls that succeeded since then. */
  readonly successes: number;
  /** Calls that are under way. */
  readonly inflight: number;
  /** Which share of the calls goes through; 0 as long as a few find out. */
  readonly admittedRatio: number;
}

/** Somebody holds it open until somebody closes it. */
export interface IsolatedState {
  readonly kind: 'isolated';
  /** Since when, in ms since the epoch. */
  readonly sinceAt: number;
}

/** The state of a breaker; `kind` tells which. */
export type CircuitState = ClosedState | OpenState | HalfOpenState | IsolatedState;

/**
 * Why a state began: a strategy `tripped`, a call failed while half-open (`probe`), the open time
 * has `elapsed`, the health has `recovered`, somebody said so here (`manual`), or another process
 * did (`told`).
 */
export type TransitionReason = 'tripped' | 'probe' | 'elapsed' | 'recovered' | 'manual' | 'told';
