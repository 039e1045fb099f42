/**
 * Answers that are bytes before they are asked for. One with a body for GET carries a validator,
 * and says 304 to who has it already (RFC 9110 §13).
 */
import { createHash } from 'node:crypto';
import { isNotModified, PROBLEM_JSON, problemDocument, type ProblemError } from '@org/core';
import type { Request } from 'express';

/** What is sent. */
export interface Prepared {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** What a client gets that has it; only of a 200. */
  readonly unchanged?: { readonly etag: string; readonly headers: readonly string[] };
}

/** A header's value, or its lines. */
export type HeaderValue = string | readonly string[];

const EMPTY: Buffer = Buffer.alloc(0);
/** What a 304 repeats of the headers of a 200 (RFC 9110 §15.4.5); Date is Node's to set. */
const OF_UNCHANGED: ReadonlySet<string> = new Set([
  'cache-control',
  'content-location',
  'etag',
  'expires',
  'vary',
]);

/** Prepares an answer; later headers of a name replace earlier ones. */
export function prepare(
  status: number,
  headers: readonly Readonly<Record<string, HeaderValue>>[],
  body: Buffer = EMPTY,
): Prepared {
  const fields = new Map<string, readonly [name: string, value: HeaderValue]>();
  for (const some of headers) {
    for (const [name, value] of Object.entries(some)) fields.set(name.toLowerCase(), [name, value]);
  }
  // RFC 9110 §8.6: none where there is no content by definition.
  if (status !== 204 && status !== 304) {
    fields.set('content-length', ['Content-Length', String(body.length)]);
  }
  if (status !== 200 || body.length === 0) return { status, headers: flat(fields), body };
  const given = fields.get('etag')?.[1];
  const etag = typeof given === 'string' ? given : etagOf(body);
  fields.set('etag', ['ETag', etag]);
  const kept = new Map([...fields].filter(([name]) => OF_UNCHANGED.has(name) || isSecurity(name)));
  return { status, headers: flat(fields), body, unchanged: { etag, headers: flat(kept) } };
}

/** Prepares a refusal as a problem document (RFC 9457). */
export function prepareProblem(
  error: ProblemError,
  headers: Readonly<Record<string, string>>,
): Prepared {
  const about = { 'Content-Type': PROBLEM_JSON, 'Cache-Control': 'no-store' };
  const body = Buffer.from(JSON.stringify(problemDocument(error)));
  return prepare(error.status, [headers, about, error.headers], body);
}

/** Whether this client has the answer already. */
export function isUnchanged(req: Request, { unchanged }: Prepared): boolean {
  if (unchanged === undefined || (req.method !== 'GET' && req.method !== 'HEAD')) return false;
  const { 'if-none-match': tags } = req.headers;
  // Without a Last-Modified a date says nothing.
  return tags !== undefined && isNotModified(tags, undefined, unchanged.etag, 0, 0);
}

function etagOf(body: Buffer): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}

/** What is not about the content says the same with and without it. */
function isSecurity(name: string): boolean {
  return !name.startsWith('content-') || name.startsWith('content-security-policy');
}

function flat(
  fields: ReadonlyMap<string, readonly [name: string, value: HeaderValue]>,
): readonly string[] {
  const all: string[] = [];
  for (const [name, value] of fields.values()) {
    for (const line of typeof value === 'string' ? [value] : value) all.push(name, line);
  }
  return all;
}
