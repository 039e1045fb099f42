/**
 * Work that was given up: because the client left, because somebody aborted the
 * exchange for a reason of their own, or because something took too long.
 */
import { type Exchange, ProblemError } from '@org/core';

import { asProblem } from './problem.ts';
import type { ErrorLike } from './thrown.ts';

/** Codes by which Node, undici and drivers say that an answer did not come in time. */
const TIMEOUT_CODES: ReadonlySet<unknown> = new Set([
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

export function mapAbort(error: ErrorLike, exchange: Exchange): ProblemError | undefined {
  if (isAbort(error)) {
    const { signal } = exchange;
    const reason = signal.aborted ? asProblem(signal.reason) : undefined;
    return (
      reason ?? asProblem(error.cause) ?? (clientLeft(exchange) ? clientClosed(error) : undefined)
    );
  }
  const broken = error.code === 'ECONNRESET' || error.code === 'EPIPE';
  if (error.type === 'request.aborted' || (broken && clientLeft(exchange))) {
    return clientClosed(error);
  }
  if (isTimeout(error)) {
    return new ProblemError({
      code: 'ERR_TIMEOUT',
      status: 504,
      detail: String(error.message),
      cause: error,
    });
  }
  return undefined;
}

/** Whether the connection that waits for this answer is gone. */
export function clientLeft({ req, res }: Exchange): boolean {
  return res.destroyed || req.socket.destroyed;
}

function isAbort(error: ErrorLike): boolean {
  return error.name === 'AbortError' || error.code === 'ABORT_ERR';
}

/** An error that brings a status has said itself what it is to the client (`connect-timeout`: 503). */
function isTimeout(error: ErrorLike): boolean {
  if (error.name === 'TimeoutError') return true;
  if (error.isAxiosError === true && error.code === 'ECONNABORTED') return true;
  const code = TIMEOUT_CODES.has(error.code)
    ? error.code
    : (error.cause as ErrorLike | null | undefined)?.code;
  return TIMEOUT_CODES.has(code) && error.status === undefined && error.statusCode === undefined;
}

/** 499 is nginx' status for it: nobody reads the answer, but logs and metrics do. */
function clientClosed(error: ErrorLike): ProblemError {
  return new ProblemError({
    code: 'ERR_CLIENT_CLOSED',
    status: 499,
    title: 'Client Closed Request',
    detail: 'The client closed the connection before the response was complete.',
    cause: error,
  });
}
