/**
 * The conditional fields of a request while the cache speaks to the application in the
 * client's place: taken off so that a whole answer comes back, or replaced by the
 * stored validators (RFC 9111 §4.3.1), and put back afterwards.
 */
import type { Request } from 'express';

import type { Entry } from './entry.ts';

const FIELDS = ['if-none-match', 'if-modified-since', 'range', 'if-range'] as const;

/** What the client had asked for. */
export interface Taken {
  readonly headers: Request['headers'];
  readonly rawHeaders: string[];
}

/** Whether a request has a condition or a range. */
export function isConditional({ headers }: Request): boolean {
  return FIELDS.some((name) => headers[name] !== undefined);
}

/** Takes the client's conditions off, and asks on the entry's validators, if one is given. */
export function takeOver(req: Request, entry: Entry | undefined): Taken {
  const taken = { headers: { ...req.headers }, rawHeaders: req.rawHeaders };
  const raw: string[] = [];
  for (let at = 0; at < req.rawHeaders.length; at += 2) {
    const name = req.rawHeaders[at]!.toLowerCase();
    if (!(FIELDS as readonly string[]).includes(name)) raw.push(name, req.rawHeaders[at + 1]!);
  }
  for (const name of FIELDS) delete req.headers[name];
  const ask = (name: (typeof FIELDS)[number], value: string | undefined): void => {
    if (value === undefined) return;
    req.headers[name] = value;
    raw.push(name, value);
  };
  ask('if-none-match', entry?.init.etag);
  ask('if-modified-since', entry?.init.lastModified);
  req.rawHeaders = raw;
  return taken;
}

/** Puts the client's own back. */
export function giveBack(req: Request, { headers, rawHeaders }: Taken): void {
  for (const name of FIELDS) {
    if (headers[name] === undefined) delete req.headers[name];
    else req.headers[name] = headers[name] as string;
  }
  req.rawHeaders = rawHeaders;
}
