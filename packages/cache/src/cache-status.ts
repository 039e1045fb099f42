/** One member of the Cache-Status list (RFC 9211): how this cache came by the answer. */
import type { ResponseHead } from '@org/core';

import { fieldText } from './field-text.ts';

/** Why the application was asked (RFC 9211 §2.2). */
export type Forwarded =
  | 'bypass'
  | 'method'
  | 'uri-miss'
  | 'vary-miss'
  | 'miss'
  | 'request'
  | 'stale'
  | 'partial';

/** What is told. Numbers are whole. */
export interface CacheStatus {
  /** Answered from what is stored; then `fwd` does not apply (RFC 9211 §2.2). */
  readonly hit?: boolean;
  readonly fwd?: Forwarded;
  /** What the application answered, where something else is sent. */
  readonly fwdStatus?: number;
  /** What is left of the lifetime, in s; negative past it. */
  readonly ttlSeconds?: number;
  readonly stored?: boolean;
  readonly collapsed?: boolean;
  readonly key?: string;
  /** Anything else; written as a Token where it can be one. */
  readonly detail?: string;
}

/** RFC 9651 §3.3.4. */
const TOKEN = /^[A-Za-z*][\w!#$%&'*+\-.^`|~:/]*$/;

/** Writes a member; `name` is this cache's. */
export function cacheStatus(name: string, status: CacheStatus): string {
  let member = word(name);
  if (status.hit === true) member += '; hit';
  else if (status.fwd !== undefined) member += `; fwd=${status.fwd}`;
  if (status.fwdStatus !== undefined) member += `; fwd-status=${status.fwdStatus}`;
  if (status.ttlSeconds !== undefined) member += `; ttl=${status.ttlSeconds}`;
  if (status.stored === true) member += '; stored';
  if (status.collapsed === true) member += '; collapsed';
  if (status.key !== undefined) member += `; key=${string(status.key)}`;
  if (status.detail !== undefined) member += `; detail=${word(status.detail)}`;
  return member;
}

/** Puts a member behind those of caches nearer to the origin: the application may be behind one itself (RFC 9211 §2). */
export function tellStatus(head: ResponseHead, member: string): void {
  const before = fieldText(head.get('cache-status'));
  head.set('Cache-Status', before === undefined ? member : `${before}, ${member}`);
}

/** A Token where it can be one, otherwise a String. */
function word(text: string): string {
  return TOKEN.test(text) ? text : string(text);
}

/** A String is ASCII (RFC 9651 §3.3.3); other characters are percent-encoded. */
function string(text: string): string {
  const ascii = text.replaceAll(/[^\x20-\x7e]+/g, (rest) =>
    [...Buffer.from(rest)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  return `"${ascii.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
