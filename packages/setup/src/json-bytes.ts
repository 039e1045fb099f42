/**
 * Express' own `res.json`, made faster. It states a type with its charset and hands its text to
 * `res.send`, which takes the type apart to state the charset once more: for text alone. So text
 * whose type is complete goes there as the bytes that it would be made into next.
 */
import type { Express, Response } from 'express';

/** The type that `res.json` states. */
const COMPLETE = 'application/json; charset=utf-8';

/** Has `app` send JSON by the shorter way, where its answers are tagged, and so made into bytes. */
export function sendJsonFaster(app: Express): void {
  // Who has patched it expects what `res.json` hands over.
  if (Object.hasOwn(app.response, 'send') || app.get('etag') !== 'weak') return;
  const { send } = app.response;
  app.response.send = function (this: Response, body?: unknown): Response {
    const complete = typeof body === 'string' && this.getHeader('content-type') === COMPLETE;
    return send.call(this, complete ? Buffer.from(body) : body);
  };
}
