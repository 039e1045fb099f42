/** How a request is told no: at once, by a problem document (RFC 9457), or by the error handlers. */
import { answerProblem, type Exchange, HANDLED, ProblemError, type ProblemInit } from '@org/core';

/** An error of a refusal: where it was made says nothing, and it is made often. */
export function refusalError(init: Omit<ProblemInit, 'status'>): ProblemError {
  const error = new ProblemError({ ...init, status: 403 });
  error.stack = `${error.name}: ${error.message}`;
  return error;
}

/** Answers with the error. @throws it, where that is for the error handlers to do */
export function refuse(
  exchange: Exchange,
  error: ProblemError,
  throwRefusals: boolean,
): typeof HANDLED {
  if (throwRefusals) throw error;
  // For those who observe: it never reaches an error handler.
  exchange.error = error;
  answerProblem(exchange.res, error);
  return HANDLED;
}
