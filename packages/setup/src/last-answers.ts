/**
 * What stands behind the user's routes: the answer for requests that nobody
 * answered, and the answer for errors. `@org/errors` brings richer ones; without it
 * these answer with plain problem documents, so that no stack trace ever leaves.
 */
import {
  answerProblem,
  exchangeOf,
  isRecoverer,
  type Middleware,
  ProblemError,
  type Recoverer,
} from '@org/core';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';

/** Answers a request that came out at the end, with the error it came with. */
export type LastAnswer = (req: Request, res: Response, error: unknown) => void;

/**
 * The last answers of a stack as handlers for who serves the app itself. They ask the stack
 * for its answer as it is by then: a component may be loaded or switched meanwhile.
 */
export function mountable(stack: {
  lastAnswer(): LastAnswer;
}): readonly [RequestHandler, ErrorRequestHandler] {
  const answerNothing: RequestHandler = (req, res, next) => {
    // The router answers OPTIONS by itself, but only if nobody does before.
    if (req.method === 'OPTIONS') next();
    else stack.lastAnswer()(req, res, undefined);
  };
  const answerFailure: ErrorRequestHandler = (error: unknown, req, res, _next) => {
    stack.lastAnswer()(req, res, error);
  };
  return [answerNothing, answerFailure];
}

/** The handlers in the order in which Express would run them behind the routes. */
function lastHandlers(
  middlewares: readonly Middleware[],
): [RequestHandler, ...ErrorRequestHandler[]] {
  const recoverers: readonly Recoverer[] = middlewares.filter(isRecoverer);
  const last = recoverers.find((one) => one.notFound !== undefined)?.notFound ?? notFound;
  return [last, ...recoverers.map(({ handler }) => handler), answerError];
}

/** The same handlers as one function, to be called where Express' own final handler would be. */
export function compileLastAnswer(middlewares: readonly Middleware[]): LastAnswer {
  const [last, ...errorHandlers] = lastHandlers(middlewares);

  function recover(req: Request, res: Response, error: unknown, at: number): void {
    attempt(errorHandlers[at] ?? answerError, error, req, res, (next) =>
      recover(req, res, next, at + 1),
    );
  }

  return (req, res, error) => {
    if (error) recover(req, res, error, 0);
    else
      attempt(
        (_none, ...rest) => last(...rest),
        undefined,
        req,
        res,
        (next) => recover(req, res, next, 0),
      );
  };
}

/** Runs one handler; what it throws or rejects with goes on as its `next` would. */
function attempt(
  handler: ErrorRequestHandler,
  error: unknown,
  req: Request,
  res: Response,
  next: (error: unknown) => void,
): void {
  try {
    const late: unknown = handler(error, req, res, (given?: unknown) => next(given ?? error));
    if (late instanceof Promise) late.then(undefined, next);
  } catch (thrown) {
    next(thrown);
  }
}

const notFound: RequestHandler = (req, res, next) => {
  exchangeOf(req, res).route = undefined;
  next(
    new ProblemError({
      code: 'ERR_NOT_FOUND',
      status: 404,
      detail: 'There is nothing at this address.',
    }),
  );
};

// Express tells an error handler by its four parameters.
const answerError: ErrorRequestHandler = (error: unknown, req, res, _next) => {
  exchangeOf(req, res).error ??= error;
  answerProblem(res, asProblem(error));
};

/** Errors in the manner of http-errors keep their status, and their text where it may be shown. */
function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const { status, statusCode, expose, message } = (error ?? {}) as Record<string, unknown>;
  const given = Number(status ?? statusCode);
  const code = Number.isInteger(given) && given >= 400 && given <= 599 ? given : 500;
  return new ProblemError({
    code: code < 500 ? 'ERR_REQUEST' : 'ERR_INTERNAL',
    status: code,
    detail: typeof message === 'string' ? message : 'The request could not be served.',
    expose: typeof expose === 'boolean' ? expose : code < 500,
    cause: error,
  });
}
