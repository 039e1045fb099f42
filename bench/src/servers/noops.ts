/** Middlewares of the family that do nothing. */
import { defineMiddleware, type Middleware } from '@org/core';
import { NOOPS } from './routes.ts';

export function noops(): Middleware[] {
  return Array.from({ length: NOOPS }, (_, at) =>
    defineMiddleware({ name: `noop-${at + 1}`, phase: 'observe', step: () => undefined }),
  );
}
