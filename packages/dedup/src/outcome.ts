/** What an answer means for its key: it is kept and given again, or the key is free again. */
import type { Exchange } from '@org/core';

/**
 * `keep`: the answer is what every later request with the key gets. `release`: the key is free,
 * as if it had never been sent. `indeterminate`: nobody may say either.
 */
export type Outcome = 'keep' | 'release' | 'indeterminate';

/** Decides by status, once the answer's head is known. */
export type OutcomePolicy = (status: number, exchange: Exchange) => Outcome;

/**
 * Answers that say "not like this" or "not now": the handler has not done what was asked, and
 * will when it is asked again. Stripe stores neither validation failures nor conflicts.
 */
const NOT_DONE: ReadonlySet<number> = new Set([
  400, 401, 403, 405, 406, 407, 408, 409, 411, 412, 413, 414, 415, 417, 421, 422, 423, 424, 425,
  426, 428, 429, 431,
]);

/**
 * The default: failures (5xx) and refusals are not kept. A failure after the request's deadline
 * is not the handler's own answer: it may be at work still, so nobody may run it again.
 */
export const defaultOutcome: OutcomePolicy = (status, exchange) => {
  if (status >= 500) return exchange.remainingMs === 0 ? 'indeterminate' : 'release';
  return NOT_DONE.has(status) ? 'release' : 'keep';
};
