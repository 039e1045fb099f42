/** What an answer means for its key: it is kept and given again, or the key is free again. */
import { type Exchange, hasCode } from '@org/core';

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

/** nginx' status for work that stopped, wherever it was, because its client had gone. */
const CLIENT_CLOSED = 499;

/**
 * The default: failures (5xx) and refusals are not kept. A failure that was answered because the
 * request's time was over, or somebody had given it up, is not the handler's own answer: it may
 * be at work still, so nobody may run it again.
 */
export const defaultOutcome: OutcomePolicy = (status, exchange) => {
  if (status === CLIENT_CLOSED) return 'indeterminate';
  if (status >= 500) return isGivenUp(exchange) ? 'indeterminate' : 'release';
  return NOT_DONE.has(status) ? 'release' : 'keep';
};

/** Timers and deadlines that were set at once are apart by less than this, in ms. */
const TICK_MS = 1;

/** By somebody else than the client, whose leaving ends no handler. */
function isGivenUp({ remainingMs, signal }: Exchange): boolean {
  return remainingMs < TICK_MS || (signal.aborted && !hasCode(signal.reason, 'ERR_CLIENT_CLOSED'));
}
