/** An answer that is known as a whole before its head is sent, such as one from a store. */
import { hasNoBody } from './response-head.ts';
import { BODY_STAGES } from './stages.ts';
import type { Exchange } from './exchange.ts';

/**
 * Answers. `headers` are names and values in turn, and are sent as they are, in one piece
 * where no stage looks at the body; otherwise they go the way of any answer, so that a coding
 * gets the body whole. `Content-Length` is the caller's to state.
 */
export function answerWhole(
  exchange: Exchange,
  status: number,
  headers: readonly string[],
  body: Uint8Array,
): void {
  const { req, res, stageBits } = exchange;
  // Beside headers that are set already, Node 20 keeps only the last of several lines of a field.
  if ((stageBits & BODY_STAGES) === 0 && res.getHeaderNames().length === 0) {
    res.writeHead(status, headers as string[]);
  } else {
    res.statusCode = status;
    const seen = new Set<string>();
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!;
      if (seen.has(name.toLowerCase())) res.appendHeader(name, headers[at + 1]!);
      else res.setHeader(name, headers[at + 1]!);
      seen.add(name.toLowerCase());
    }
  }
  if (hasNoBody(req.method, status) || body.length === 0) res.end();
  else res.end(body);
}
