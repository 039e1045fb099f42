/**
 * One transaction for all that a request does. It is committed when the answer is about to leave, and
 * the answer is held until that has succeeded: nobody is told of what did not happen. What failed, or
 * was given up, is rolled back.
 */
import { answerProblem, type AnswerInstead, type Exchange, type Host } from '@org/core';

import { stackOf } from './call-site.ts';
import { problemOf, rolledBack } from './database-errors.ts';
import type { CommitAnswer, CommitWhen } from './options.ts';
import type { RequestSession } from './session.ts';
import type { WholeTransaction } from './transaction.ts';

/** What decides, and who answers where a commit has failed. */
export interface UnitOfWorkRules {
  readonly commitWhen: CommitWhen;
  readonly answer: CommitAnswer | undefined;
  /** The whole that the request runs in, where there is one. */
  readonly host: () => Host | undefined;
}

/** Ends the unit of work of a request whose answer would leave now; nothing where there is none. */
export function endUnitOfWork(
  exchange: Exchange,
  session: RequestSession,
  rules: UnitOfWorkRules,
): Promise<AnswerInstead | undefined> | undefined {
  const { whole } = session;
  if (whole?.isOpen !== true) return undefined;
  if (!rules.commitWhen(exchange.res.statusCode, exchange)) {
    void whole.rollback();
    return undefined;
  }
  if (whole.endUnused()) return undefined;
  return commitSoon(whole).then(
    () => undefined,
    (error: unknown) => () => answerFailure(exchange, error, rules),
  );
}

/** A part that nobody ends must not hold the answer for ever: it may stand still as long as any. */
function commitSoon(whole: WholeTransaction): Promise<void> {
  const { clock, idleInTransactionTimeoutMs: limitMs } = whole.session.engine.settings;
  if (!whole.isShared || limitMs === 0) return whole.commit();
  const cancel = clock.after(limitMs, () => {
    const began = stackOf(whole.part?.site);
    const error = new Error(`A part of it was still open after ${limitMs} ms. It began\n${began}`);
    whole.giveUp(rolledBack(error));
  });
  return whole.commit().finally(cancel);
}

function answerFailure(
  exchange: Exchange,
  error: unknown,
  { answer, host }: UnitOfWorkRules,
): void {
  const { req, res } = exchange;
  exchange.error ??= error;
  const whole = host();
  if (answer !== undefined) answer(req, res, problemOf(error));
  else if (whole !== undefined) whole.answerError(req, res, error);
  if (!res.headersSent) answerProblem(res, problemOf(error));
}
