/**
 * Answers with a sequence of values, one JSON text a line (NDJSON), as they come: a list
 * that is too long to be held as one, or that is not complete yet. Each value goes through
 * the `transform` stages, as one given to `res.json` does.
 */
import type { Response } from 'express';

import { exchangeOf } from './exchange.ts';
import { transformValue } from './response-stages.ts';

/** The media type in use for it; none is registered. */
export const NDJSON = 'application/x-ndjson';

/**
 * Sends `values`, and asks for the next only when the client has taken the last: the source
 * is let go (its `return` called) when the client goes away or the request is given up.
 * Resolves once the answer has ended.
 * @throws what the source, a stage or `JSON.stringify` throws; the error handlers then answer, or
 *   cut the response if it has begun
 */
export async function sendLines(
  res: Response,
  values: Iterable<unknown> | AsyncIterable<unknown>,
): Promise<void> {
  const exchange = exchangeOf(res.req, res);
  if (!res.hasHeader('Content-Type')) res.setHeader('Content-Type', NDJSON);
  if (res.req.method !== 'HEAD') {
    for await (const value of values) {
      if (res.destroyed || exchange.abandoned) return;
      const line = JSON.stringify(transformValue(exchange, value, 'line'));
      // What JSON has no text for, such as undefined, is no line.
      if (line !== undefined && !res.write(`${line}\n`)) await writable(res);
    }
  }
  res.end();
}

/** Waits until more can be written, or nobody takes it any more. */
function writable(res: Response): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      res.off('drain', go).off('close', go);
      resolve();
    };
    res.on('drain', go).on('close', go);
    if (res.destroyed) go();
  });
}
