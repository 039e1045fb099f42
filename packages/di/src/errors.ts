/** What goes wrong with services, told so that the fix is plain. */
import { ProblemError } from '@org/core';

import type { Registration } from './registration.ts';

/** A graph of services that cannot be built: everything that is wrong with it, at once. */
export class GraphError extends Error {
  readonly code: 'ERR_DI_GRAPH' = 'ERR_DI_GRAPH';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`di: ${problems.join('\n    ')}`);
    this.name = 'GraphError';
    this.problems = Object.freeze([...problems]);
  }
}

/** A service that nobody has registered. */
export function unknownService(name: string, hint: string): ProblemError {
  return problem('ERR_DI_UNKNOWN', `there is no service "${name}"${hint}`);
}

/** A service that is ready only later was asked for at once; `awaited` is what takes time. */
export function notReady(asked: string, { name, lifetime }: Registration): ProblemError {
  const who = name === asked ? `"${name}" is` : `"${asked}" needs "${name}", which is`;
  // Only singletons are made before somebody asks.
  const start =
    lifetime === 'singleton'
      ? 'Await start() of its container before the first request, or a'
      : 'A';
  return problem(
    'ERR_DI_ASYNC',
    `${who} made asynchronously, and not ready. ${start}wait resolve("${asked}").`,
  );
}

/** A start that failed: at this service. */
export function notStarted(name: string, cause: unknown): ProblemError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return problem('ERR_DI_START', `"${name}" could not be made: ${reason}`, cause);
}

/** A service of a request was asked for without one. */
export function outsideScope(name: string): ProblemError {
  return problem(
    'ERR_DI_NO_SCOPE',
    `"${name}" belongs to a scope. Ask the scope of a request, of(req), or one of your own, scope().`,
  );
}

/** The exchange was needed where there is no request. */
export function noExchange(): ProblemError {
  return problem(
    'ERR_DI_NO_SCOPE',
    '"exchange" was needed in a scope that belongs to no request. Ask of(req), or hand an exchange to scope(exchange).',
  );
}

/** The scope, or the whole container, has ended. */
export function ended(name: string): ProblemError {
  return problem(
    'ERR_DI_CLOSED',
    `"${name}" was asked for after its scope had ended: the response is over, or the container is closed.`,
  );
}

function problem(code: string, detail: string, cause?: unknown): ProblemError {
  return new ProblemError({ code, status: 500, detail: `di: ${detail}`, cause });
}
