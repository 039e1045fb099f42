/**
 * The compiled pipeline: middlewares in their order as one function. Steps run in a
 * plain loop, without a router layer, a `next` or a promise; plain handlers get a
 * `next` that behaves as Express' own does.
 */
import { type Exchange, HANDLED, type Middleware } from '@org/core';
import type { Request, RequestHandler } from 'express';

/** Decides whether a middleware takes part in a request. */
export type Applies = (exchange: Exchange) => boolean;

/** Runs a request through; `done` is called when nobody answered, with the error if there was one. */
export type Pipeline = (exchange: Exchange, done: Next) => void;

/** Goes on, or leaves with an error. */
type Next = (error?: unknown) => void;

/** One middleware, as compiled. */
interface Entry {
  readonly step: Middleware['step'];
  readonly handle: RequestHandler;
  readonly applies: Applies | undefined;
}

/** Compiles middlewares, in the order in which they stand. */
export function compile(
  middlewares: readonly Middleware[],
  appliesTo: (name: string) => Applies | undefined = () => undefined,
): Pipeline {
  const entries: readonly Entry[] = middlewares.map((middleware) => ({
    step: middleware.step,
    handle: middleware as unknown as RequestHandler,
    applies: appliesTo(middleware.name),
  }));
  return (exchange, done) => run(entries, exchange, done);
}

function run(entries: readonly Entry[], exchange: Exchange, done: Next): void {
  // One position for the whole request, as in a router: calling next twice does not run anybody twice.
  let at = 0;
  const { req, res } = exchange;
  // Express' own res.sendFile and res.render go on by req.next.
  const outer = req.next;
  req.next = next;

  function next(error?: unknown): void {
    // The word 'route' ends a route, and there is none here; 'router' leaves for good, as an error does.
    if (error && error !== 'route') {
      leave(req, outer, done, error);
      return;
    }
    // It was answered while somebody here waited: nothing of the rest is worth doing.
    if (exchange.abandoned) return;
    while (at < entries.length) {
      const { step, handle, applies } = entries[at++]!;
      try {
        if (applies !== undefined && !applies(exchange)) continue;
        if (step === undefined) {
          const late: unknown = handle(req, res, next);
          if (late instanceof Promise) void settle(late, false, next);
          return;
        }
        const result = step(exchange);
        if (result === undefined) continue;
        if (result !== HANDLED) void settle(result, true, next);
      } catch (thrown) {
        next(thrown);
      }
      return;
    }
    leave(req, outer, done);
  }

  next();
}

function leave(req: Request, outer: Request['next'], done: Next, error?: unknown): void {
  if (outer !== undefined) req.next = outer;
  done(error);
}

/** A step's promise says whether to go on; a handler's only whether it failed. */
async function settle(late: Promise<unknown>, goesOn: boolean, next: Next): Promise<void> {
  let result;
  try {
    result = await late;
  } catch (reason) {
    next(reason || new Error('Rejected promise'));
    return;
  }
  if (goesOn && result !== HANDLED) next();
}
