/**
 * An answer that those who asked for the same get as well; or why they do not. It is not
 * stored: it is passed on once, to those who wait for it at that moment.
 */
import type { Exchange, ResponseHead } from '@org/core';
import type { IncomingHttpHeaders } from 'node:http';

import {
  answerHeaders,
  type HeaderSnapshot,
  valueText,
  withheldFromFollowers,
} from './answer-headers.ts';

/** An answer to be passed on. */
export interface SharedAnswer {
  readonly status: number;
  /** Names and values in turn, with the length. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Request headers that the answer depends on, by lower-case name, as they were (RFC 9110 §12.5.5). */
  readonly vary: readonly (readonly [name: string, value: string])[];
}

/** A head that may be passed on, without its body. */
export type SharedHead = Omit<SharedAnswer, 'body'>;

/** Of a part, or not an answer of its own. */
const NEVER_SHARED: ReadonlySet<number> = new Set([206, 304, 416]);

/**
 * Whose requests have a key in common: those of one caller, of callers who carry nothing that
 * names them, or of whoever carries credentials that are no part of the key.
 */
export type Crowd = 'one' | 'anonymous' | 'credentialed';

/** What may be passed on of this head; nothing where it is for the one who asked alone. */
export function sharedHead(
  exchange: Exchange,
  head: ResponseHead,
  before: HeaderSnapshot,
  crowd: Crowd,
): SharedHead | undefined {
  const { status } = head;
  if (NEVER_SHARED.has(status) || head.has('Set-Cookie') || head.has('Trailer')) return undefined;
  // A cookie may come behind what is seen here.
  if (crowd !== 'one' && exchange.patchedBefore) return undefined;
  const type = valueText(head.get('Content-Type')).toLowerCase();
  // It does not end.
  if (type.startsWith('text/event-stream')) return undefined;
  const control = directives(valueText(head.get('Cache-Control')));
  if (crowd !== 'one') {
    if (control.has('private') || control.has('no-store')) return undefined;
    const mayBePersonal = crowd === 'credentialed' || exchange.principalRead;
    if (mayBePersonal && !control.has('public')) return undefined;
  }
  const vary = varyOf(head, exchange.req.headers);
  if (vary === undefined) return undefined;
  const headers = answerHeaders(head, before, withheldFromFollowers);
  // HEAD tells the length that GET would have.
  const length = exchange.req.method === 'HEAD' ? head.get('Content-Length') : undefined;
  if (length !== undefined) headers.push('content-length', valueText(length));
  return { status, headers, vary };
}

/** Whether an answer is for this request, too. */
export function isFor({ vary }: SharedAnswer, headers: IncomingHttpHeaders): boolean {
  return vary.every(([name, value]) => valueText(headers[name]) === value);
}

function varyOf(
  head: ResponseHead,
  headers: IncomingHttpHeaders,
): (readonly [string, string])[] | undefined {
  const names = valueText(head.get('Vary'))
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.includes('*')) return undefined;
  return names.map((name) => [name, valueText(headers[name])] as const);
}

/** The names of the directives, in lower case; a comma within a quoted value makes names that are none. */
function directives(field: string): ReadonlySet<string> {
  return new Set(
    field
      .toLowerCase()
      .split(',')
      .map((part) => part.split('=', 1)[0]!.trim()),
  );
}
