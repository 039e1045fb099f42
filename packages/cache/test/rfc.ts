/** What the tests of the RFCs share: answers that carry just the fields that they state, and whether these are used again. */
import type { OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import type { Express, Request, Response } from 'express';

import type { Origin } from './origin.ts';

/** When the fake clock begins, in ms since the epoch. */
const START_AT = Date.UTC(2026, 0, 1);
/** In ms. */
export const SECOND = 1000;
export const HOUR = 3_600_000;
export const DAY: number = 24 * HOUR;

/** An HTTP date so many ms after the clock's beginning. */
export function dateIn(ms: number): string {
  return new Date(START_AT + ms).toUTCString();
}

/** Fields of an answer; an array is several lines. */
export type Fields = Readonly<Record<string, string | readonly string[]>>;
export type Handle = (req: Request, res: Response, call: number) => void;

/** Sends these fields alone: `res.send` would add a validator of its own. */
export function send(res: Response, fields: Fields, body: string = 'hello', status = 200): void {
  res.status(status);
  for (const [name, value] of Object.entries(fields)) res.setHeader(name, value);
  res.end(body);
}

/** A handler that always answers so. */
export function sends(fields: Fields, body?: string, status?: number): Handle {
  return (_req, res) => send(res, fields, body, status);
}

/** A handler that answers the first call, and each later one. */
export function sendsThen(first: Handle, later: Handle): Handle {
  return (req, res, call) => (call === 1 ? first : later)(req, res, call);
}

/** A handler that keeps to the conditions of the request: 304 with `update` where the tag or the date is still right. */
export function validates(fields: Fields, update: Fields = {}, body?: string): Handle {
  return (req, res) => {
    const { ETag, 'Last-Modified': modified } = fields;
    const { 'if-none-match': match, 'if-modified-since': since } = req.headers;
    const holds = match === undefined ? since !== undefined && since === modified : match === ETag;
    if (holds) send(res, update, '', 304);
    else send(res, fields, body);
  };
}

/** Whether a GET is answered without the handler, so long after another one, in ms. */
export async function reuses(
  { get, calls, clock }: Origin,
  afterMs: number = 0,
  first: OutgoingHttpHeaders = {},
  second: OutgoingHttpHeaders = first,
): Promise<boolean> {
  await get('/', first);
  const before = calls();
  clock.advance(afterMs);
  await get('/', second);
  return calls() === before;
}

/** Counts the requests that have come to the cache, so that a handler can wait for all of them. */
export function arrivals(): {
  readonly before: (app: Express) => void;
  readonly total: () => number;
} {
  let total = 0;
  return {
    before: (app) =>
      app.use((_req, _res, next) => {
        next();
        total++;
      }),
    total: () => total,
  };
}

/** How many answers have been stored anew. */
export function stored({ cached }: Origin): unknown {
  return cached.stats!().storedTotal;
}

/** Sends a request as it is written, and reads all that comes until the connection ends. */
export async function exchange(url: string, lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write([...lines, '', ''].join('\r\n'));
  return Buffer.concat(await socket.toArray()).toString('latin1');
}
