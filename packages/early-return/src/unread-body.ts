/**
 * What becomes of the body of a request that is answered without it. A short one is read and
 * dropped, as Node does by itself, and the connection goes on. A long one, or one whose length
 * nobody knows, ends the connection (RFC 9112 §9.6): the answer is sent whole at once, and the
 * connection read from for a little longer, because closing it with unread bytes resets it, and
 * the client, still sending, would lose the answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerWhole, type Clock, type Exchange, hasNoBody } from '@org/core';

/** How much is still read. */
export interface Bounds {
  readonly maxDrainBytes: number;
  readonly lingerMs: number;
  readonly clock: Clock;
}

/** The length of the body that comes with a request: 0 for none, Infinity for one of unknown length. */
export function bodyBytes(req: IncomingMessage): number {
  const { headers } = req;
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  const declared = headers['content-length'];
  // Node takes digits alone.
  return declared === undefined ? 0 : Number(declared);
}

/** Whether the connection cannot go on after an answer that does not read the body. */
export function endsConnection(req: IncomingMessage, maxDrainBytes: number): boolean {
  return req.httpVersionMajor === 1 && !req.complete && bodyBytes(req) > maxDrainBytes;
}

/**
 * How a connection goes on: as its request's body is long, in any case not, or as Node says
 * where the client has sent nothing yet and may or may not still do so.
 */
export type Ending = boolean | 'sent-nothing';

/** Sends an answer to a request whose body nobody has read. `ending` true: whatever its length, the connection ends. */
export function sendUnread(
  exchange: Exchange,
  status: number,
  headers: readonly string[],
  body: Buffer,
  bounds: Bounds,
  ending: Ending,
): void {
  const { req, res } = exchange;
  const goesOn = ending === false && !endsConnection(req, bounds.maxDrainBytes);
  if (goesOn || ending === 'sent-nothing') {
    answerWhole(exchange, status, headers, body);
    return;
  }
  const seen = new Set<string>();
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    if (seen.has(name)) res.appendHeader(name, headers[at + 1]!);
    else res.setHeader(name, headers[at + 1]!);
    seen.add(name);
  }
  if (req.httpVersionMajor === 1) res.setHeader('Connection', 'close');
  res.statusCode = status;
  if (hasNoBody(req.method, status) || body.length === 0) res.flushHeaders();
  else res.write(body);
  linger(req, res, bounds);
}

/** Ends the response, and with it the connection, once the request is read or cut off, or the time is over. */
function linger(req: IncomingMessage, res: ServerResponse, { lingerMs, clock }: Bounds): void {
  const finish = (): void => {
    cancel();
    req.off('close', finish);
    res.end();
  };
  const cancel = clock.after(lingerMs, finish);
  req.on('close', finish);
  req.resume();
}
