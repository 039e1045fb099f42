/**
 * What answers tell of limits: `RateLimit-Policy` and `RateLimit`, Lists of Structured Fields (RFC
 * 9651) as draft-ietf-httpapi-ratelimit-headers-11 §3 and §4 have them, and the `X-RateLimit-*`
 * that came before. Names of policies are plain, so that no value needs escaping.
 */
import { createHash } from 'node:crypto';
import type { ResponseHead } from '@org/core';

import type { RateLimitOptions } from './options.ts';
import type { Policy } from './policy.ts';
import type { Standing } from './standing.ts';
import type { Visit } from './visit.ts';

/** Tells the client in the head how it stands. */
export type TellLimits = (head: ResponseHead, visit: Visit) => void;

/** How answers tell, by the options; nothing where they do not. */
export function tellerOf({
  headers,
  legacyHeaders,
  partitionKey,
  clock,
}: Readonly<RateLimitOptions>): TellLimits | undefined {
  if (!headers && !legacyHeaders) return undefined;
  return (head, { plan, standings }) => {
    if (plan.policyField === '') return;
    if (headers) {
      const policies = partitionKey ? policyFieldFor(standings) : plan.policyField;
      addMember(head, 'RateLimit-Policy', 'ratelimit-policy', policies);
      addMember(head, 'RateLimit', 'ratelimit', standingField(standings, partitionKey));
    }
    const told = legacyHeaders ? tightest(standings) : undefined;
    if (told === undefined) return;
    head.set('X-RateLimit-Limit', String(told.policy.algorithm.limit));
    head.set('X-RateLimit-Remaining', String(Math.max(0, told.remaining)));
    head.set('X-RateLimit-Reset', String(seconds(clock.now() + told.resetMs)));
  };
}

/** Another limiter may have said something already: both are Lists. `key` is the name in lower case. */
function addMember(head: ResponseHead, name: string, key: string, value: string): void {
  const present = head.get(key);
  head.set(name, present === undefined ? value : `${String(present)}, ${value}`);
}

/** Whole seconds, rounded up: whoever believes them never comes too early. */
export function seconds(ms: number): number {
  return Math.ceil(ms / 1000 - ROUNDING);
}

/** A difference of times in ms is that exact, in seconds: a window of 60 s must not be told as 61. */
const ROUNDING = 1e-6;

/** `"burst";q=100;w=60`, of every policy that is no secret. */
export function policyField(policies: readonly Policy[]): string {
  return policies.filter(isTold).map(policyItem).join(', ');
}

/** The same, with the partition that the client is in. */
function policyFieldFor(standings: readonly Standing[]): string {
  return standings
    .filter(({ policy }) => isTold(policy))
    .map((standing) => `${policyItem(standing.policy)}${partition(standing)}`)
    .join(', ');
}

/** `"burst";r=50;t=30`, of every policy that is no secret; `t` only where something comes back. */
function standingField(standings: readonly Standing[], withPartition: boolean): string {
  let field = '';
  for (const standing of standings) {
    if (!isTold(standing.policy)) continue;
    if (field !== '') field += ', ';
    field += `"${standing.policy.name}";r=${Math.max(0, standing.remaining)}`;
    if (standing.resetMs > 0) field += `;t=${seconds(standing.resetMs)}`;
    if (withPartition) field += partition(standing);
  }
  return field;
}

/** The policy that has the least left, for headers that know of one alone. */
function tightest(standings: readonly Standing[]): Standing | undefined {
  let chosen: Standing | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const standing of standings) {
    if (!isTold(standing.policy)) continue;
    const left = standing.remaining / standing.policy.algorithm.capacity;
    if (left < least) [chosen, least] = [standing, left];
  }
  return chosen;
}

function isTold({ options }: Policy): boolean {
  return !options.shadow;
}

function policyItem({ name, algorithm, options }: Policy): string {
  return `"${name}";q=${algorithm.limit};w=${seconds(options.windowMs)}`;
}

/** A digest: keys may be names of users. */
function partition({ key }: Standing): string {
  return `;pk=:${createHash('sha256').update(key).digest().subarray(0, 12).toString('base64')}:`;
}
