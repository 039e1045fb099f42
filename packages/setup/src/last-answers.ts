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
  report,
} from '@org/core';
import type { ErrorRequestHandler, Express, RequestHandler } from 'express';

/** Mounts the last answers behind all that is mounted now. */
export function mountLastAnswers(app: Express, middlewares: readonly Middleware[]): void {
  const recoverers = middlewares.filter(isRecoverer);
  const last = recoverers.find((one) => one.notFound !== undefined)?.notFound ?? notFound;
  let mounted = Infinity;
  app.use(function lastAnswer(req, res, next) {
    // Routes behind the last answers are never reached: say so, once, instead of a silent 404.
    if (layersOf(app) > mounted) {
      mounted = Infinity;
      report(
        new Error(
          'A route was mounted after stack.start() or stack.listen(), where no request reaches it. Mount it before.',
        ),
        'setup',
      );
    }
    return last(req, res, next);
  });
  for (const { handler } of recoverers) app.use(handler);
  app.use(answerError);
  mounted = layersOf(app);
}

/** How many layers an app has. */
export function layersOf(app: Express): number {
  return (app.router as unknown as { readonly stack: readonly unknown[] }).stack.length;
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
  const exchange = exchangeOf(req, res);
  exchange.error ??= error;
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
