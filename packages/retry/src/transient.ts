/**
 * What may be better the next time. An error that says what it is counts by that; one that says
 * nothing may be anything, and the caller has stated that the call can be repeated.
 */
import { hasCode } from '@org/core';

/**
 * Statuses that are tried again. 408: the server did not get the request in time, and invites to
 * send it again (RFC 9110 §15.5.9). 429 and 503: not now, often with `Retry-After` (RFC 6585 §4,
 * RFC 9110 §15.6.4). 502 and 504: one in between did not reach the server, or not in time
 * (§15.6.3, §15.6.5). Not 500: a handler that failed mostly fails again, for the same reason.
 */
export const RETRY_STATUSES: readonly number[] = Object.freeze([408, 429, 502, 503, 504]);

/** Networks that fail for a moment: as Node's sockets and resolver say it, and as undici does. */
const NETWORK_CODES: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/** Mistakes of the program, which it would make again. */
const MISTAKES: ReadonlySet<string> = new Set([
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
]);

/** Whether an error may be gone the next time. */
export function isTransient(error: unknown, statuses: readonly number[] = RETRY_STATUSES): boolean {
  if (typeof error !== 'object' || error === null) return true;
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  // Somebody has given up on the call, or a circuit keeps it from being made.
  if (name === 'AbortError' || hasCode(error, 'ERR_CIRCUIT_OPEN')) return false;
  if (isNetworkError(error) || isTimeout(error)) return true;
  const status = statusOf(error);
  if (status !== undefined) return statuses.includes(status);
  if (typeof name === 'string' && MISTAKES.has(name)) return false;
  // A code that is not known here names something else than a moment's trouble.
  return typeof code !== 'string';
}

/** Whether an attempt took too long: by `timeLimit`, or by `AbortSignal.timeout`. */
function isTimeout(error: object): boolean {
  return (
    hasCode(error, 'ERR_TIME_LIMIT') ||
    (error as { readonly name?: unknown }).name === 'TimeoutError'
  );
}

/** Whether the network failed, as far as the error or what caused it says. */
export function isNetworkError(error: unknown): boolean {
  return causes(error).some(({ code }) => typeof code === 'string' && NETWORK_CODES.has(code));
}

/**
 * Whether the request certainly never left: there was no address or no connection. What was never
 * applied may be sent again whatever its method (RFC 9110 §9.2.2).
 */
export function wasNeverSent(error: unknown): boolean {
  return causes(error).some(({ code, syscall, errors }) => {
    if (code === 'UND_ERR_CONNECT_TIMEOUT') return true;
    if (syscall === 'connect' || syscall === 'getaddrinfo') return true;
    // All addresses of a name were tried.
    return Array.isArray(errors) && errors.length > 0 && errors.every(wasNeverSent);
  });
}

interface Told {
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly errors?: unknown;
}

/** An error and what it was caused by, a few steps deep: `fetch` hides the socket's behind its own. */
function causes(error: unknown): readonly Told[] {
  const found: Told[] = [];
  let next: unknown = error;
  while (typeof next === 'object' && next !== null && found.length < 4) {
    found.push(next);
    next = (next as { readonly cause?: unknown }).cause;
  }
  return found;
}

/** The HTTP status that an error carries. */
function statusOf(error: object): number | undefined {
  const { status, statusCode } = error as { status?: unknown; statusCode?: unknown };
  if (typeof status === 'number' && status >= 400) return status;
  return typeof statusCode === 'number' && statusCode >= 400 ? statusCode : undefined;
}
