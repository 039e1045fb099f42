/**
 * Requests that change something (RFC 9111 §4.4): where they succeed, what is stored for
 * their address is invalidated, and so is what they name in Location and Content-Location
 * on the same origin, what is in a group with it, and the groups that the answer names
 * (RFC 9875 §2.2.1, §3). It is done before the answer leaves: who reads what he has
 * written sees it.
 */
import { defineStages, type Exchange, type ResponseHead, type Stages } from '@org/core';

import { fieldText } from './field-text.ts';
import type { FindPolicy } from './policies.ts';
import { invalidatedGroups } from './tags.ts';
import { addressTag, originOf } from './visit.ts';

/** Methods that change nothing; one that is not known may change something (RFC 9111 §4.4). */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

export function isSafe(method: string): boolean {
  return SAFE.has(method);
}

/** Stages that invalidate what a successful request has changed. */
export function invalidatingStages(
  findPolicy: FindPolicy,
  groupsAt: (key: string) => readonly string[],
  invalidate: (tags: readonly string[]) => void,
): Stages {
  return defineStages({
    head(head, exchange) {
      if (head.status < 200 || head.status >= 400) return;
      invalidate(changedBy(exchange, head, findPolicy, groupsAt));
    },
  });
}

function changedBy(
  exchange: Exchange,
  head: ResponseHead,
  findPolicy: FindPolicy,
  groupsAt: (key: string) => readonly string[],
): readonly string[] {
  const { req } = exchange;
  const origin = originOf(req);
  // As it was sent, unless it came in absolute form (RFC 9112 §3.2.2).
  const target = req.originalUrl.startsWith('/')
    ? req.originalUrl
    : (sameOriginUrl(req.originalUrl, '/', origin) ?? req.originalUrl);
  const urls = [target];
  for (const name of ['Location', 'Content-Location']) {
    const url = sameOriginUrl(fieldText(head.get(name)), req.originalUrl, origin);
    if (url !== undefined) urls.push(url);
  }
  const addresses = urls.flatMap((url) => {
    const policy = findPolicy(url);
    return policy === false ? [] : [addressTag(policy, url)];
  });
  // It does not go on from there to the groups of those in the group (RFC 9875 §2.2.1).
  const policy = findPolicy(target);
  const key = policy === false ? undefined : policy.keyOf(origin, target);
  const groups = key === undefined ? [] : groupsAt(key);
  return [...new Set([...addresses, ...groups, ...invalidatedGroups(exchange, head)])];
}

/** Path and query of a reference, if it stays on the origin: nobody invalidates what is another's. */
function sameOriginUrl(
  reference: string | undefined,
  base: string,
  origin: string,
): string | undefined {
  if (reference === undefined) return undefined;
  try {
    const url = new URL(reference, `${origin}${base}`);
    return url.origin === new URL(origin).origin ? `${url.pathname}${url.search}` : undefined;
  } catch {
    return undefined;
  }
}
