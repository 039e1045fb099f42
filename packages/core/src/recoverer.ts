/**
 * A recoverer answers for everybody: it is a middleware of the phase `recover`
 * that carries the two handlers which Express wants behind the routes. They cannot
 * be the middleware itself, because Express tells error handlers by their four
 * arguments. `setup` mounts `notFound`, then `handler`, after the user's routes.
 */
import type { ErrorRequestHandler, RequestHandler } from 'express';

import { isMiddleware, type Middleware } from './middleware.ts';

/** What stands behind the routes. */
export interface Recoverer {
  /** Answers for requests that no route has answered, or passes an error on that does. */
  readonly notFound?: RequestHandler;
  /** Answers for every error that reached the end. */
  readonly handler: ErrorRequestHandler;
}

/** Whether a component is a middleware that also answers for errors. */
export function isRecoverer(value: unknown): value is Middleware & Recoverer {
  if (!isMiddleware(value) || value.phase !== 'recover') return false;
  const { handler, notFound } = value as Middleware & Partial<Recoverer>;
  return (
    typeof handler === 'function' && (notFound === undefined || typeof notFound === 'function')
  );
}
