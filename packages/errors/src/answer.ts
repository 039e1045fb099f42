/**
 * Puts an error on the wire in place of whatever the handler had begun. Once the
 * head is sent the status cannot change any more, so a response that is not whole
 * is cut: the client must not take it for one.
 */
import { type Exchange, report } from '@org/core';

import { clientLeft } from './abort.ts';
import type { Rendered } from './media.ts';

/** What became of an error: told to the client, told by cutting the response, or nobody was left to tell. */
export type Outcome = 'answered' | 'cut' | 'late' | 'gone';

/** Headers about the body that is not sent now, or about how long it may be kept. */
const ABOUT_THE_BODY: ReadonlySet<string> = new Set([
  'accept-ranges',
  'age',
  'cache-control',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'etag',
  'expires',
  'last-modified',
  'repr-digest',
  'surrogate-control',
  'trailer',
  'transfer-encoding',
]);

/** Says what can still be done for this response. */
export function outcomeOf(exchange: Exchange): Outcome {
  const { res } = exchange;
  if (exchange.abandoned) return 'late';
  if (res.headersSent) return res.writableEnded ? 'late' : res.destroyed ? 'gone' : 'cut';
  return res.writableEnded ? 'late' : clientLeft(exchange) ? 'gone' : 'answered';
}

/** Sends `rendered`, with the headers that belong to the problem. */
export function send(
  exchange: Exchange,
  status: number,
  headers: Readonly<Record<string, string>>,
  rendered: Rendered,
): void {
  const { req, res, head } = exchange;
  // What still pipes into this response would end the process by writing after its end.
  res.on('error', reportLateWrite);
  req.unpipe();
  for (const name of res.getHeaderNames()) {
    // A targeted directive (RFC 9213) would overrule no-store in the cache it is meant for.
    if (ABOUT_THE_BODY.has(name) || name.endsWith('-cache-control')) res.removeHeader(name);
  }
  res.statusCode = status;
  res.statusMessage = '';
  res.setHeader('Cache-Control', 'no-store');
  setHeaders(exchange, headers);
  setHeaders(exchange, rendered.headers);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Content-Type', rendered.contentType);
  res.setHeader('Content-Length', Buffer.byteLength(rendered.body));
  if (head.get('Vary') !== '*') head.addToList('Vary', 'Accept');
  // RFC 9110 §9.3.2: the head of a GET, and nothing after it.
  if (req.method === 'HEAD') res.end();
  else res.end(rendered.body);
}

/** One header that cannot be sent must not cost the answer. */
function setHeaders(exchange: Exchange, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (lower !== 'cache-control' && ABOUT_THE_BODY.has(lower)) continue;
    try {
      exchange.res.setHeader(name, value);
    } catch (fault) {
      report(fault, `errors header ${lower}`, exchange);
    }
  }
}

function reportLateWrite(error: Error): void {
  report(error, 'a write after the error answer');
}
