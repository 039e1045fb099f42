/** The conditions of a request, in the order in which they are evaluated (RFC 9110 §13.2.2). */
import { etagsOf, isNotModified, parseHttpDate, strongEqual } from '@org/core';
import type { Request } from 'express';

import type { State } from './known-resources.ts';

/** What follows: the handler runs, the client has it already, or a condition does not hold. */
export type Verdict = 'go' | 'not-modified' | 'failed';

/** Whether a request carries a condition other than If-Range, which is for who serves ranges. */
export function isConditional({ headers }: Request): boolean {
  return (
    headers['if-match'] !== undefined ||
    headers['if-none-match'] !== undefined ||
    headers['if-unmodified-since'] !== undefined ||
    headers['if-modified-since'] !== undefined
  );
}

/**
 * Evaluates. What is not known decides nothing: the handler runs. `nowMs` is since the epoch,
 * and decides the century of two-digit years.
 */
export function evaluate(req: Request, state: State, nowMs: number): Verdict {
  const { headers } = req;
  const reads = req.method === 'GET' || req.method === 'HEAD';
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined) {
    if (fails(ifMatch, state)) return 'failed';
  } else if (headers['if-unmodified-since'] !== undefined) {
    if (isModifiedSince(headers['if-unmodified-since'], state, nowMs)) return 'failed';
  }
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined) {
    return has(ifNoneMatch, state) ? (reads ? 'not-modified' : 'failed') : 'go';
  }
  const since = headers['if-modified-since'];
  // §13.1.3: of GET and HEAD only, and only where there is a date to compare.
  if (!reads || since === undefined || state.modifiedAt === undefined) return 'go';
  return isNotModified(undefined, since, undefined, state.modifiedAt, nowMs)
    ? 'not-modified'
    : 'go';
}

/** If-Match (§13.1.1): strong comparison; `*` asks that there is anything. */
function fails(ifMatch: string, { etag, isAbsent }: State): boolean {
  if (isAbsent) return true;
  if (ifMatch.trim() === '*' || etag === undefined) return false;
  return !etagsOf(ifMatch).some((tag) => strongEqual(tag, etag));
}

/** If-Unmodified-Since (§13.1.4): ignored where it is no date, and where no date is known. */
function isModifiedSince(field: string, { modifiedAt, isAbsent }: State, nowMs: number): boolean {
  const since = parseHttpDate(field, nowMs);
  if (since === undefined) return false;
  // What is gone has changed since any time at which it was there.
  if (isAbsent) return true;
  return modifiedAt !== undefined && Math.floor(modifiedAt / 1000) * 1000 > since;
}

/** If-None-Match (§13.1.2): weak comparison; `*` asks that there is nothing. */
function has(ifNoneMatch: string, { etag, modifiedAt, isAbsent }: State): boolean {
  if (isAbsent) return false;
  // That there is something is known only of what something is known of.
  if (ifNoneMatch.trim() === '*') return etag !== undefined || modifiedAt !== undefined;
  return etag !== undefined && isNotModified(ifNoneMatch, undefined, etag, 0, 0);
}
