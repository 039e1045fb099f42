/**
 * Errors of Postgres drivers, told by SQLSTATE (Postgres manual, appendix A). The
 * server's text names tables, constraints and values, so none of it is passed on.
 */
import { ProblemError } from '@org/core';

import type { ErrorLike } from './thrown.ts';

type Answer = readonly [status: number, code: string, detail: string];

const STATES: Readonly<Record<string, Answer>> = Object.freeze({
  '23502': [422, 'ERR_CONSTRAINT', 'A required value is missing.'],
  '23503': [
    409,
    'ERR_CONFLICT',
    'The change refers to, or leaves behind, something that does not exist.',
  ],
  '23505': [409, 'ERR_CONFLICT', 'Something with the same unique value exists already.'],
  '23514': [422, 'ERR_CONSTRAINT', 'A value is outside of what is allowed.'],
  '23P01': [409, 'ERR_CONFLICT', 'The change conflicts with something that exists already.'],
  '25006': [503, 'ERR_DATABASE_UNAVAILABLE', 'The database takes no writes.'],
  '40001': [503, 'ERR_DATABASE_CONTENTION', 'The transaction lost against another one.'],
  '40P01': [503, 'ERR_DATABASE_CONTENTION', 'The transaction was in a deadlock.'],
  '55P03': [503, 'ERR_DATABASE_CONTENTION', 'A lock could not be had.'],
  '57014': [504, 'ERR_TIMEOUT', 'The query was cancelled.'],
});

const CLASSES: Readonly<Record<string, Answer>> = Object.freeze({
  '08': [503, 'ERR_DATABASE_UNAVAILABLE', 'The connection to the database is gone.'],
  '22': [400, 'ERR_VALUE', 'A value has the wrong form or is out of range.'],
  '53': [503, 'ERR_DATABASE_UNAVAILABLE', 'The database is out of a resource.'],
  '57': [503, 'ERR_DATABASE_UNAVAILABLE', 'The database is shutting down or starting.'],
});

export function mapDatabase(error: ErrorLike): ProblemError | undefined {
  // Query builders wrap the driver's error: one level deep, and only an error with every mark of it.
  const state = sqlState(error) ?? sqlState(error.cause) ?? sqlState(error.driverError);
  if (state === undefined) return undefined;
  const found = STATES[state] ?? CLASSES[state.slice(0, 2)];
  if (found === undefined) return undefined;
  const [status, code, detail] = found;
  return new ProblemError({ code, status, detail, cause: error });
}

/** Five characters alone could be anybody's code; the severity is Postgres'. */
function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, severity } = error as ErrorLike;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && typeof severity === 'string'
    ? code
    : undefined;
}
