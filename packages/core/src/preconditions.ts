/**
 * Conditions of requests (RFC 9110 §13) and the tags that they compare: a cache evaluates them on
 * what is stored, an early answer on what the application knows of a resource.
 */
import { parseHttpDate } from './http-date.ts';

/**
 * Whether the client has what would be sent. If-None-Match decides where it is present
 * (RFC 9110 §13.2.2); tags are compared weakly, and an If-Modified-Since that is no date is
 * ignored (§13.1.2, §13.1.3). Times are in ms since the epoch.
 */
export function isNotModified(
  ifNoneMatch: string | undefined,
  ifModifiedSince: string | undefined,
  etag: string | undefined,
  lastModifiedAt: number,
  nowMs: number,
): boolean {
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() === '*') return true;
    return etag !== undefined && etagsOf(ifNoneMatch).some((tag) => weakEqual(tag, etag));
  }
  if (ifModifiedSince === undefined) return false;
  const since = parseHttpDate(ifModifiedSince, nowMs);
  // A date has whole seconds.
  return since !== undefined && Math.floor(lastModifiedAt / 1000) * 1000 <= since;
}

/**
 * Whether a range may be cut from this form (RFC 9110 §13.1.5): a tag is compared strongly;
 * a date must be the very Last-Modified, and strong (§8.8.2.2): a second older than Date.
 */
export function ifRangeMatches(
  ifRange: string,
  etag: string | undefined,
  lastModified: string | undefined,
  dateAt: number,
  nowMs: number,
): boolean {
  if (/^(?:W\/)?"/.test(ifRange)) return etag !== undefined && strongEqual(ifRange, etag);
  if (ifRange !== lastModified) return false;
  const modifiedAt = parseHttpDate(lastModified, nowMs);
  return modifiedAt !== undefined && modifiedAt + 1000 <= dateAt;
}

/** A member that is an entity-tag (RFC 9110 §8.8.3), with the comma or the end behind it. */
const TAG = /[ \t]*((?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*")[ \t]*(?:,|$)/y;

/** The entity-tags of a list; members that are none are passed over. */
export function etagsOf(field: string): readonly string[] {
  const tags: string[] = [];
  let at = 0;
  while (at < field.length) {
    TAG.lastIndex = at;
    const tag = TAG.exec(field)?.[1];
    if (tag !== undefined) tags.push(tag);
    // What is no tag reaches to the next comma.
    at = tag === undefined ? field.indexOf(',', at) + 1 || field.length : TAG.lastIndex;
  }
  return tags;
}

/** The strong comparison of RFC 9110 §8.8.3.2: a weak tag equals none. */
export function strongEqual(one: string, other: string): boolean {
  return one === other && !one.startsWith('W/');
}

/** The weak comparison of RFC 9110 §8.8.3.2. */
export function weakEqual(one: string, other: string): boolean {
  return opaque(one) === opaque(other);
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}
