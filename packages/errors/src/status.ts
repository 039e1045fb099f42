/**
 * Errors that bring their own HTTP status: `http-errors`, which Express and most
 * of its middleware use, and classes of the user's own. An error of an HTTP
 * *client* brings a status too, but it is another server's: it must not become ours.
 */
import { STATUS_CODES } from 'node:http';
import { type Exchange, ProblemError } from '@org/core';

import type { ErrorLike } from './thrown.ts';

export function mapStatus(error: ErrorLike, exchange: Exchange): ProblemError | undefined {
  if (isFromClient(error)) {
    return new ProblemError({
      code: 'ERR_UPSTREAM',
      status: 502,
      detail: String(error.message),
      cause: error,
    });
  }
  const own = statusOf(error.status) ?? statusOf(error.statusCode);
  if (own !== undefined) {
    const expose = typeof error.expose === 'boolean' ? error.expose : own < 500;
    return new ProblemError({
      code: codeOf(error, own),
      status: own,
      detail: typeof error.message === 'string' ? error.message : '',
      expose: expose && typeof error.message === 'string' && error.message !== '',
      headers: headersOf(error.headers),
      cause: error,
    });
  }
  // `res.status(403); throw new Error()` is an old habit, and Express itself honours it.
  const set = exchange.res.headersSent ? undefined : statusOf(exchange.res.statusCode);
  if (set === undefined) return undefined;
  return new ProblemError({
    code: statusCode(set),
    status: set,
    detail: String(error.message),
    expose: false,
    cause: error,
  });
}

/** A code for a status that says no more than its reason phrase, such as `ERR_NOT_FOUND`. */
export function statusCode(status: number): string {
  if (status === 500) return 'ERR_INTERNAL';
  const phrase = STATUS_CODES[status];
  return phrase === undefined
    ? `ERR_HTTP_${status}`
    : `ERR_${phrase.toUpperCase().replaceAll(/[^A-Z]+/g, '_')}`;
}

function isFromClient(error: ErrorLike): boolean {
  return (
    error.isAxiosError === true ||
    error.code === 'UND_ERR_RESPONSE' ||
    error.code === 'UND_ERR_RESPONSE_STATUS_CODE' ||
    // superagent, got, ky: the other server's response hangs on the error.
    (typeof error.response === 'object' && error.response !== null)
  );
}

function statusOf(status: unknown): number | undefined {
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599
    ? status
    : undefined;
}

/** A 5xx keeps its inner code for the log: to the client it says no more than its status does. */
function codeOf(error: ErrorLike, status: number): string {
  const { code } = error;
  return status < 500 && typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,63}$/.test(code)
    ? code
    : statusCode(status);
}

function headersOf(headers: unknown): Record<string, string> {
  if (typeof headers !== 'object' || headers === null) return {};
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
      .map(([name, value]) => [name, String(value)]),
  );
}
