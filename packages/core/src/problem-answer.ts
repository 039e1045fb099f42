/**
 * The smallest true answer to an error: one RFC 9457 document. What a package
 * sends when it refuses early, and what `setup` falls back on; `@org/errors` does
 * this with negotiation, masking and mapping.
 */
import { STATUS_CODES, type ServerResponse } from 'node:http';

import type { Exchange } from './exchange.ts';
import type { ProblemError } from './problem-error.ts';
import { transformProblem } from './response-stages.ts';
import { EXCHANGE } from './tapped.ts';

/** Media type of problem documents (RFC 9457 §6.1). */
export const PROBLEM_JSON = 'application/problem+json';

/** The members of a problem document. Extensions never overwrite the standard ones. */
export function problemDocument(error: ProblemError): Record<string, unknown> {
  return {
    ...error.extensions,
    type: error.type,
    title: error.title ?? STATUS_CODES[error.status] ?? 'Error',
    status: error.status,
    ...(error.expose ? { detail: error.message } : {}),
    code: error.code,
  };
}

/** Answers with a problem document. Once the head is sent the connection is cut instead: the status cannot change any more. */
export function answerProblem(res: ServerResponse, error: ProblemError): void {
  if (res.headersSent) {
    if (!res.writableEnded) res.destroy();
    return;
  }
  const document = problemDocument(error);
  const exchange = (res.req as { [EXCHANGE]?: Exchange })[EXCHANGE];
  const body = JSON.stringify(
    exchange === undefined ? document : transformProblem(exchange, document),
  );
  for (const name of res.getHeaderNames()) {
    if (ABOUT_THE_BODY.has(name)) res.removeHeader(name);
  }
  res.statusCode = error.status;
  res.statusMessage = '';
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  res.setHeader('Content-Type', PROBLEM_JSON);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}

/** Headers that described the body which is not sent now. */
const ABOUT_THE_BODY: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-disposition',
  'etag',
  'last-modified',
  'transfer-encoding',
]);
