/**
 * What goes wrong with a database, as errors with codes. Errors of the server pass as they come, with
 * their SQLSTATE (Postgres manual, appendix A): whoever tests for `23505` finds it. What drivers only
 * say in words, such as a lost connection, gets a code here.
 */
import { ProblemError } from '@org/core';

/** Serialisation failure: another transaction was faster. */
const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';

/** A statement was cancelled, for its time limit among other reasons. */
const QUERY_CANCELED = '57014';
/** The server has ended a transaction in which nothing was asked for too long. */
const IDLE_IN_TRANSACTION_TIMEOUT = '25P03';

/** How `pg` puts it; it has no codes for these. */
const LOST_TEXT =
  /^(?:Connection terminated|Connection ended|Client has encountered a connection error|Client was closed|timeout exceeded when trying to connect|timeout expired|Query read timeout)/;
const LOST_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EPIPE',
  'ETIMEDOUT',
]);

/** The five characters of a server's own error; nothing for another. */
export function sqlState(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !LOST_CODES.has(code)
    ? code
    : undefined;
}

/** Whether the connection is gone, or nobody knows what state it is in. */
export function isLost(error: unknown): boolean {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (LOST_CODES.has(code) || code === 'ERR_DATABASE_UNAVAILABLE') return true;
  const state = sqlState(error);
  // Class 57P: the server ends, or is not there yet; class 08: the connection itself.
  if (state !== undefined) return state.startsWith('08') || state.startsWith('57P');
  return typeof message === 'string' && LOST_TEXT.test(message);
}

/** Whether it may be a time limit by which the server has ended what was asked. */
export function isTimeLimit(error: unknown): boolean {
  const state = sqlState(error);
  return state === QUERY_CANCELED || state === IDLE_IN_TRANSACTION_TIMEOUT;
}

/** That of an error, or of the one that a query builder has put into its own. */
function stateWithin(error: unknown): string | undefined {
  return sqlState(error) ?? sqlState((error as { readonly cause?: unknown } | undefined)?.cause);
}

/** Whether the whole transaction may succeed if it is made again. */
export function isContention(error: unknown): boolean {
  const state = stateWithin(error);
  return (
    state === SERIALIZATION_FAILURE ||
    state === DEADLOCK_DETECTED ||
    ['ERR_SERIALIZATION_FAILURE', 'ERR_DEADLOCK'].includes((error as { code?: string })?.code ?? '')
  );
}

/** What the caller of a transaction is told: contention as a code that says to come back, all else as it is. */
export function transactionError(error: unknown): unknown {
  const state = stateWithin(error);
  if (state === SERIALIZATION_FAILURE) {
    return comeBack(
      'ERR_SERIALIZATION_FAILURE',
      'The transaction lost against another one.',
      error,
    );
  }
  if (state === DEADLOCK_DETECTED) {
    return comeBack('ERR_DEADLOCK', 'The transaction was in a deadlock with another one.', error);
  }
  return error;
}

/** The database is not there. */
export function unavailable(cause: unknown): ProblemError {
  if (cause instanceof ProblemError && cause.code === 'ERR_DATABASE_UNAVAILABLE') return cause;
  return comeBack(
    'ERR_DATABASE_UNAVAILABLE',
    'The database cannot be reached at the moment.',
    cause,
  );
}

/** Nobody gave a connection back in time; `detail` says who has them. */
export function busy(detail: string): ProblemError {
  return comeBack('ERR_DATABASE_BUSY', detail);
}

export function closedDatabase(): ProblemError {
  return comeBack('ERR_DATABASE_CLOSED', 'The database is closed: the service is ending.');
}

/** Work on a transaction that has ended; `where` is the stack of its end. */
export function finished(how: string, where: string, cause?: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_TRANSACTION_FINISHED',
    detail: `The transaction was ${how} before this statement. It ended\n${where}\nAwait all of its work before it ends.`,
    cause,
  });
}

/** A commit that could not be, because part of the work had failed. */
export function rolledBack(cause: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_TRANSACTION_ROLLED_BACK',
    detail:
      'The transaction was rolled back instead of committed: part of its work had failed. ' +
      "Where a part may fail, run it with propagation 'savepoint'.",
    cause,
  });
}

/** The connection was lost between the commit and its answer. */
export function commitUnknown(cause: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_COMMIT_UNKNOWN',
    detail: 'The connection was lost during the commit: nobody knows whether it took effect.',
    cause,
  });
}

export function tooLong(timeoutMs: number): ProblemError {
  return new ProblemError({
    code: 'ERR_TRANSACTION_TIMEOUT',
    status: 503,
    detail: `The transaction took longer than the ${timeoutMs} ms that it may take.`,
  });
}

export function mismatch(detail: string): ProblemError {
  return new ProblemError({ code: 'ERR_TRANSACTION_MISMATCH', detail });
}

/** A wait that only the one who waits could end. */
export function selfDeadlock(holder: string, waiter: string): ProblemError {
  return new ProblemError({
    code: 'ERR_SELF_DEADLOCK',
    detail:
      'A connection is asked for by whom everybody waits for: it would never come. ' +
      `The connection was taken\n${holder}\nand another is asked for\n${waiter}\n` +
      "Use propagation 'required' or 'savepoint', or more connections.",
  });
}

/** The request has ended without its answer: nobody waits for its work. */
export function requestAborted(): ProblemError {
  return new ProblemError({
    code: 'ERR_REQUEST_ABORTED',
    status: 499,
    detail: 'The request was given up: its work on the database has been stopped.',
  });
}

/** Any error as a problem, for an answer where nobody else makes it one. */
export function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (isLost(error)) return unavailable(error);
  const told = transactionError(error);
  if (told instanceof ProblemError) return told;
  return sqlState(error)?.startsWith('23') === true
    ? new ProblemError({
        code: 'ERR_CONFLICT',
        status: 409,
        detail: 'The change conflicts with something that exists already.',
        cause: error,
      })
    : new ProblemError({
        code: 'ERR_COMMIT_FAILED',
        detail: 'The work of the request could not be committed.',
        cause: error,
      });
}

function comeBack(code: string, detail: string, cause?: unknown): ProblemError {
  return new ProblemError({
    code,
    status: 503,
    detail,
    headers: { 'Retry-After': '1' },
    cause,
  });
}
