/**
 * The headers that are stored with an answer (RFC 9111 §3.1, §3.2): names and values
 * in turn, as `writeHead` takes them. What belongs to the connection, to one client or
 * to one moment is left out, and so is what stood there before the cache was asked:
 * whoever set that, sets it on a hit as well.
 */
import type { OutgoingHttpHeader } from 'node:http';
import type { ResponseHead } from '@org/core';

import { fieldText } from './field-text.ts';
import type { HeadView } from './storing.ts';

/** Names and values in turn. */
export type FlatHeaders = readonly string[];

/** The headers of a response at one moment: two short lists, which cost less to make than an object. */
export class HeaderSnapshot {
  private readonly names: readonly string[];
  private readonly texts: readonly (string | undefined)[];

  constructor(head: Pick<ResponseHead, 'names' | 'get'>) {
    this.names = head.names();
    this.texts = this.names.map((name) => fieldText(head.get(name)));
  }

  /** The value of a header as one text. */
  textOf(lowerName: string): string | undefined {
    const at = this.names.indexOf(lowerName);
    return at === -1 ? undefined : this.texts[at];
  }
}

/** RFC 9110 §7.6.1, RFC 9111 §3.1; and what is made anew for each answer. */
const NEVER_STORED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'set-cookie',
  'set-cookie2',
  'content-length',
  'age',
]);

/** A 304 describes itself with these, not the stored body (RFC 9111 §3.2). */
const NOT_UPDATED: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-range',
  'transfer-encoding',
]);

/** The headers to store. `without` are further names, in lower case. */
export function storedHeaders(
  head: ResponseHead,
  before: HeaderSnapshot,
  without: readonly string[],
): FlatHeaders {
  const connection = (fieldText(head.get('connection')) ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase());
  const flat: string[] = [];
  for (const name of head.names()) {
    const lower = name.toLowerCase();
    if (NEVER_STORED.has(lower) || connection.includes(lower) || without.includes(lower)) continue;
    const value = head.get(name);
    if (value === undefined || before.textOf(lower) === fieldText(value)) continue;
    for (const line of lines(value)) flat.push(name, line);
  }
  return flat;
}

/** Stored headers, brought up to date by a 304 or a HEAD (RFC 9111 §3.2). */
export function updatedHeaders(stored: FlatHeaders, update: FlatHeaders): FlatHeaders {
  const updated = new Set<string>();
  const fresh: string[] = [];
  for (let at = 0; at < update.length; at += 2) {
    const name = update[at]!.toLowerCase();
    if (NOT_UPDATED.has(name)) continue;
    updated.add(name);
    fresh.push(update[at]!, update[at + 1]!);
  }
  return [...withoutNames(stored, updated), ...fresh];
}

/** The first value of a stored header. */
export function storedValue(headers: FlatHeaders, lowerName: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === lowerName) return headers[at + 1];
  }
  return undefined;
}

/** Headers but for some, named in lower case. */
export function withoutNames(headers: FlatHeaders, names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (!names.has(headers[at]!.toLowerCase())) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}

/** Stored headers as a head to be judged. */
export function viewOf(status: number, headers: FlatHeaders): HeadView {
  const values = new Map<string, string>();
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    const before = values.get(name);
    values.set(name, before === undefined ? headers[at + 1]! : `${before}, ${headers[at + 1]!}`);
  }
  return {
    status,
    get: (name) => values.get(name.toLowerCase()),
    has: (name) => values.has(name.toLowerCase()),
  };
}

function lines(value: OutgoingHttpHeader): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
