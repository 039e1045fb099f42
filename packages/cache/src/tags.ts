/**
 * By what a stored answer is invalidated: its address; the tags of its route and of its
 * handler; and its groups (RFC 9875), which belong to one origin. A tag is a group too.
 */
import type { Exchange, StateKey } from '@org/core';
import { parseList } from 'structured-headers';

import { fieldText } from './field-text.ts';
import type { HeadView } from './storing.ts';
import { addressTag, originOf, type Visit } from './visit.ts';

/** What handlers have said of their answers. */
export type HandlerTags = StateKey<readonly string[]>;

/** The most tags of an answer. RFC 9875 §2 asks for 32 groups at least. */
export const MAX_TAGS_PER_ENTRY = 128;

/** Every tag; all answers carry this one. */
export const EVERYTHING = '*';

/** The tags of an answer; absent when there are too many to be sure of all. */
export function tagsOf(
  { exchange, policy }: Visit,
  head: HeadView,
  handlerTags: HandlerTags,
): readonly string[] | undefined {
  const names = new Set([
    ...policy.tags(exchange),
    ...(exchange.getState(handlerTags) ?? []),
    ...groups(fieldText(head.get('cache-groups'))),
  ]);
  if (names.size > MAX_TAGS_PER_ENTRY) return undefined;
  const tags = [EVERYTHING, addressTag(policy, exchange.req.originalUrl)];
  if (names.size > 0) {
    const origin = originOf(exchange.req);
    for (const name of names) tags.push(tagOf(name), groupOf(origin, name));
  }
  return tags;
}

/** The tag that a name of the application's own stands for. */
export function tagOf(name: string): string {
  return `#${name}`;
}

/** A group of one origin. */
export function groupOf(origin: string, name: string): string {
  return `@${origin} ${name}`;
}

/** Those of an answer's tags that are groups. */
export function groupsIn(tags: readonly string[]): readonly string[] {
  return tags.filter((tag) => tag.startsWith('@'));
}

/** The groups that a response asks to invalidate (RFC 9875 §3). */
export function invalidatedGroups(exchange: Exchange, head: HeadView): readonly string[] {
  const names = groups(fieldText(head.get('cache-group-invalidation')));
  if (names.length === 0) return names;
  const origin = originOf(exchange.req);
  return names.map((name) => groupOf(origin, name));
}

/** A Structured Field List of Strings; what is no such list is ignored whole (RFC 9875 §2, RFC 9651 §4.2). */
function groups(field: string | undefined): readonly string[] {
  if (field === undefined) return [];
  try {
    const names = parseList(field).map(([name]) => name);
    return names.every((name) => typeof name === 'string') ? names : [];
  } catch {
    return [];
  }
}
