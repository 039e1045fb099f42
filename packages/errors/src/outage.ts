/**
 * Something that the app depends on is not there: a store of the house, a server
 * behind a socket, or what a circuit has given up on. Trying again later is right, so the status is 503.
 */
import { ProblemError } from '@org/core';

import type { ErrorLike } from './thrown.ts';

const CONNECTION_CODES: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  // Of a server of ours: where the client's own connection broke, an abort has been told already.
  'ECONNRESET',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  // A circuit of opossum that is open, or has no place.
  'EOPENBREAKER',
  'ESEMLOCKED',
]);

export function mapOutage(error: ErrorLike): ProblemError | undefined {
  // An error that brings a status has said itself what it is to the client.
  if (error.status !== undefined || error.statusCode !== undefined) return undefined;
  const { code } = error;
  if (typeof code === 'string' && code.startsWith('ERR_STORE_')) return outage(code, error);
  // fetch() hides the socket's error in its cause.
  const inner = (error.cause as ErrorLike | null | undefined)?.code;
  return CONNECTION_CODES.has(code) || CONNECTION_CODES.has(inner)
    ? outage('ERR_DEPENDENCY_UNAVAILABLE', error)
    : undefined;
}

function outage(code: string, error: ErrorLike): ProblemError {
  return new ProblemError({ code, status: 503, detail: String(error.message), cause: error });
}
