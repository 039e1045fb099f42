/**
 * What makes two requests with one key the same request: media type, query and body. A
 * parsed body is compared by what it says: written by the JSON Canonicalization Scheme
 * (RFC 8785), so that neither the order of members nor blanks count.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Exchange } from '@org/core';
import type { Request } from 'express';

import { tooDeep, unreadableBody } from './idempotency-problems.ts';

/** Names what a body says; `undefined`: it cannot be told. */
export type BodyFingerprint = (exchange: Exchange) => string | Uint8Array | undefined;

/** Deeper bodies are refused: they would overflow the stack. */
const MAX_DEPTH = 512;

/**
 * The fingerprint of a request, as base64url text. `ofBody` reads its body in place of the
 * rules here.
 * @throws ProblemError 415 for a body that nobody has read: it would be equal to any other
 */
export function fingerprintOf(exchange: Exchange, ofBody: BodyFingerprint | undefined): string {
  const { req } = exchange;
  const hash = createHash('sha256').update(JSON.stringify([mediaType(req), queryOf(req)]));
  if (ofBody === undefined) {
    addBody(hash, req);
  } else {
    const named = ofBody(exchange);
    if (named === undefined) throw unreadableBody();
    hash.update('custom:').update(named);
  }
  return hash.digest('base64url');
}

/** Without parameters: a multipart boundary is another one at each attempt. */
export function mediaType(req: Request): string {
  const field = req.headers['content-type'] ?? '';
  const end = field.indexOf(';');
  return (end === -1 ? field : field.slice(0, end)).trim().toLowerCase();
}

function queryOf({ originalUrl }: Request): string {
  const at = originalUrl.indexOf('?');
  return at === -1 ? '' : originalUrl.slice(at + 1);
}

function addBody(hash: Hash, req: Request): void {
  const body: unknown = req.body;
  if (body === undefined || body === null) {
    if (body === undefined && announcesBody(req)) throw unreadableBody();
    hash.update(body === null ? 'json:null' : 'none');
  } else if (mediaType(req).startsWith('multipart/')) {
    // Its parser leaves the files elsewhere: the rest would pass for the whole.
    throw unreadableBody();
  } else if (body instanceof Uint8Array) {
    hash.update('bytes:').update(body);
  } else if (typeof body === 'string') {
    hash.update('text:').update(body);
  } else {
    hash.update('json:').update(canonicalJson(body));
  }
}

/** Whether a body comes with the request (RFC 9112 §6.3). */
function announcesBody({ headers }: Request): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/**
 * A parsed body as RFC 8785 writes it: members sorted by UTF-16 code units (§3.2.3), numbers
 * and strings as ECMAScript writes them (§3.2.2).
 * @throws ProblemError 400 for what is nested too deeply
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0) ?? 'null';
}

function write(value: unknown, depth: number): string | undefined {
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  }
  if (depth > MAX_DEPTH) throw tooDeep();
  // A check ahead of us may have put dates and the like in place of text.
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === 'function') {
    return write((value as { toJSON(): unknown }).toJSON(), depth + 1);
  }
  if (Array.isArray(value)) {
    return `[${value.map((member) => write(member, depth + 1) ?? 'null').join(',')}]`;
  }
  const members: string[] = [];
  for (const name of Object.keys(value).toSorted()) {
    const member = write((value as Record<string, unknown>)[name], depth + 1);
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${member}`);
  }
  return `{${members.join(',')}}`;
}
