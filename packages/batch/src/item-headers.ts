/**
 * The headers of an item: what it inherits from the batch, so that it comes from the same client,
 * by the same way, with the same credentials; and what of its answer's headers is told.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { isForwardingHeader } from '@org/core';

import { NEVER } from './endpoint-options.ts';

/** Headers of an answer that say how it was sent, which it was not. */
const OF_THE_MESSAGE: ReadonlySet<string> = new Set([...NEVER, 'content-encoding', 'set-cookie']);

/** What the items of a batch inherit. `names` in lower case. */
export function inherited(
  headers: IncomingHttpHeaders,
  names: readonly string[],
): OutgoingHttpHeaders {
  // What Connection names belongs to the connection as well (RFC 9110 §7.6.1).
  const named = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/));
  const taken: OutgoingHttpHeaders = { host: headers.host };
  for (const name of names) if (!named.has(name)) taken[name] = headers[name];
  // Where a request comes from is for the app's `trust proxy` to judge: as of the batch, so of its items.
  for (const [name, value] of Object.entries(headers)) {
    if (isForwardingHeader(name)) taken[name] = value;
  }
  // An answer is told as it is, whole.
  taken['accept-encoding'] = 'identity';
  return taken;
}

/** The headers of an answer, as its item in the batch tells them. */
export function toldHeaders(headers: OutgoingHttpHeaders): Record<string, string | string[]> {
  const told: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || OF_THE_MESSAGE.has(name)) continue;
    told[name] = Array.isArray(value) ? value.map(String) : String(value);
  }
  return told;
}

/** The lines of `Set-Cookie` of an answer. */
export function cookieLines({ 'set-cookie': lines }: OutgoingHttpHeaders): string[] {
  return lines === undefined ? [] : [lines].flat().map(String);
}
