/** What stands right behind the routes: nobody answered. Either there is nothing here, or not by this method. */
import type { RequestHandler } from 'express';
import { allowedMethods, allowHeader, exchangeOf, ProblemError } from '@org/core';

/** Makes the handler; it passes a problem on, so that error handlers of the user's own see it too. */
export function notFoundHandler(methodNotAllowed: boolean): RequestHandler {
  const allowed = allowedMethods();
  return function notFound(req, res, next) {
    // A handler that has answered and still calls next() wants nothing more.
    if (res.headersSent) return;
    const exchange = exchangeOf(req, res);
    const asks = req.method === 'OPTIONS';
    const found = methodNotAllowed || asks ? allowed(req, exchange.clock.monotonicMs()) : undefined;
    if (found !== undefined && !found.takes(req.method)) {
      exchange.route = found.pattern;
      const allow = allowHeader(found.methods);
      if (asks) {
        // The router would say it itself (RFC 9110 §9.3.7) if no layer stood behind the routes.
        res.set('Allow', allow).status(204).end();
        return;
      }
      next(
        new ProblemError({
          code: 'ERR_METHOD_NOT_ALLOWED',
          status: 405,
          detail: `This address allows ${allow}.`,
          headers: { Allow: allow },
        }),
      );
      return;
    }
    // A layer that passed may have left its route on the request: this one has none.
    exchange.route = undefined;
    next(
      new ProblemError({
        code: 'ERR_NOT_FOUND',
        status: 404,
        detail: 'There is nothing at this address.',
      }),
    );
  };
}
