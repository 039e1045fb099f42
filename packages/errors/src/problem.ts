/** Problems as this package takes them, from whichever copy of core they come. */
import { ProblemError } from '@org/core';

import type { ErrorLike } from './thrown.ts';

/** The value as a problem, if it is one; a status that no error can have becomes 500. */
export function asProblem(value: unknown): ProblemError | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { code, type, status, extensions, headers } = value as ErrorLike;
  const speaks =
    typeof code === 'string' &&
    typeof type === 'string' &&
    typeof status === 'number' &&
    typeof extensions === 'object' &&
    extensions !== null &&
    typeof headers === 'object' &&
    headers !== null;
  if (!speaks) return undefined;
  const problem = value as ProblemError;
  if (Number.isInteger(status) && status >= 400 && status <= 599) return problem;
  return new ProblemError({
    code,
    type,
    detail: problem.message,
    ...(problem.title === undefined ? {} : { title: problem.title }),
    extensions: problem.extensions,
    headers: problem.headers,
    cause: value,
  });
}

/** The problem of an error that nobody expected. */
export function internalError(error: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_INTERNAL',
    status: 500,
    detail: messageOf(error),
    cause: error,
  });
}

function messageOf(error: unknown): string {
  try {
    const { message } = error as ErrorLike;
    return typeof message === 'string' ? message : '';
  } catch {
    return '';
  }
}
