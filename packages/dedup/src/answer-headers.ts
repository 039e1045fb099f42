/**
 * The headers of an answer that others get as well. What stood there before the package was
 * asked is left out, because whoever set that sets it on their answers, too; and so is what
 * belongs to a connection, to one exchange or to one moment.
 */
import type { OutgoingHttpHeader } from 'node:http';
import type { ResponseHead } from '@org/core';

/** Names and values in turn, as `writeHead` takes them. */
export type FlatHeaders = readonly string[];

/** The headers of a response at one moment, by lower-case name. */
export type HeaderSnapshot = ReadonlyMap<string, string>;

const NOTHING: HeaderSnapshot = new Map();

/** Of a connection (RFC 9110 §7.6.1), or made anew for each answer. */
const OF_THE_MESSAGE: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'date',
  'age',
]);

/** Of one client or one exchange: cookies, challenges, names and times of requests. */
const OF_THE_EXCHANGE: ReadonlySet<string> = new Set([
  'set-cookie',
  'set-cookie2',
  'www-authenticate',
  'authentication-info',
  'proxy-authenticate',
  'proxy-authentication-info',
  'clear-site-data',
  'x-request-id',
  'request-id',
  'x-correlation-id',
  'traceparent',
  'tracestate',
  'server-timing',
  'x-response-time',
  'cache-status',
  'idempotency-replayed',
  'idempotency-retention',
]);

/** Of a quota, and of a page's origin, which may be another one next time. */
const MOMENTARY: readonly string[] = ['ratelimit', 'x-ratelimit', 'access-control-'];

/** Whether a header, by its lower-case name, goes to nobody but the one who asked first. */
export type Withheld = (lowerName: string) => boolean;

/** For answers to the very same question at the very same time. */
export const withheldFromFollowers: Withheld = (name) =>
  OF_THE_MESSAGE.has(name) || OF_THE_EXCHANGE.has(name) || name.includes('ratelimit');

/** For answers that are given again later; `only`, if it is there, names all that may be. */
export function withheldFromReplays(
  only: readonly string[] | undefined,
  omitted: readonly string[],
): Withheld {
  const allowed = only === undefined ? undefined : new Set(only.map((name) => name.toLowerCase()));
  const refused = new Set(omitted.map((name) => name.toLowerCase()));
  return (name) =>
    OF_THE_MESSAGE.has(name) ||
    OF_THE_EXCHANGE.has(name) ||
    MOMENTARY.some((prefix) => name.startsWith(prefix)) ||
    refused.has(name) ||
    allowed?.has(name) === false;
}

/** What is set before the package is asked. */
export function snapshot(head: ResponseHead): HeaderSnapshot {
  const names = head.names();
  if (names.length === 0) return NOTHING;
  return new Map(names.map((name) => [name, valueText(head.get(name))]));
}

/** The headers to pass on. */
export function answerHeaders(
  head: ResponseHead,
  before: HeaderSnapshot,
  withheld: Withheld,
): string[] {
  const ofConnection = valueText(head.get('Connection'))
    .toLowerCase()
    .split(/\s*,\s*/);
  const flat: string[] = [];
  for (const lower of head.names()) {
    if (withheld(lower) || ofConnection.includes(lower)) continue;
    const value = head.get(lower);
    if (value === undefined || before.get(lower) === valueText(value)) continue;
    for (const line of Array.isArray(value) ? value : [value]) flat.push(lower, String(line));
  }
  return flat;
}

/** The first value of a header. */
export function headerOf(headers: FlatHeaders, lowerName: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === lowerName) return headers[at + 1];
  }
  return undefined;
}

/** A header's value as one text. */
export function valueText(value: OutgoingHttpHeader | undefined): string {
  return Array.isArray(value) ? value.join(', ') : String(value ?? '');
}
