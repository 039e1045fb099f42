/**
 * Whether an answer may be stored, and on which terms it may be used again
 * (RFC 9111 §3 and §4.2), with what this project asks on top: what may be personal
 * is shared only where the application says so.
 */
import { parseHttpDate } from '@org/core';
import { type OutgoingHttpHeader, STATUS_CODES } from 'node:http';

import { type Directives, parseCacheControl, targetedDirectives } from './cache-control.ts';
import { fieldText } from './field-text.ts';
import type { CacheOptions } from './options.ts';
import { varyNames } from './vary.ts';

/** Why an answer was not stored. A closed list: statistics are kept by it. */
export type Refusal =
  | 'status'
  | 'failure'
  | 'partial'
  | 'no-store'
  | 'must-understand'
  | 'private'
  | 'credentials'
  | 'principal'
  | 'set-cookie'
  | 'patched'
  | 'vary'
  | 'event-stream'
  | 'no-freshness'
  | 'no-validator'
  | 'too-large'
  | 'too-many-tags'
  | 'incomplete'
  | 'aborted'
  | 'overtaken'
  | 'admission';

/** A head to be judged: that of a response, or a stored one. */
export interface HeadView {
  readonly status: number;
  get(name: string): OutgoingHttpHeader | undefined;
  has(name: string): boolean;
}

/** On which terms a stored answer may be used. */
export interface Terms {
  /** How long it is fresh, from its origin on, in ms; before jitter. */
  readonly lifetimeMs: number;
  /** How old it was when it came, in ms (RFC 9111 §4.2.3). */
  readonly initialAgeMs: number;
  /** When it was made, in ms since the epoch. */
  readonly dateAt: number;
  /** The application said that it is for everybody, whoever asked: `public` or `s-maxage`. */
  readonly shared: boolean;
  /** It is never used without asking the application (`no-cache`). */
  readonly mustValidate: boolean;
  /** Nothing forbids to use it past its lifetime (RFC 9111 §4.2.4). */
  readonly mayBeStale: boolean;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly noTransform: boolean;
  /** Names of the request fields that chose it, as `Vary` states them. */
  readonly vary: readonly string[];
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** Fields that may not be stored with it: qualified `private` and `no-cache`. */
  readonly without: readonly string[];
}

/** What is known of a request when its answer is judged. */
export interface Asked {
  /** It carried credentials, and they are no part of the key. */
  readonly credentialed: boolean;
  /** Somebody looked at who is calling, and that is no part of the key. */
  readonly principalRead: boolean;
  /** A library may change head and body behind what the cache sees of them. */
  readonly patchedBefore: boolean;
  /** `no-store` of the request (RFC 9111 §5.2.1.5). */
  readonly noStore: boolean;
  /** When the request was passed on, and when the head of its answer came, in ms since the epoch. */
  readonly askedAt: number;
  readonly nowAt: number;
}

/** The settings that decide; a route may have its own. */
export type StoringOptions = Pick<
  CacheOptions,
  'ttlMs' | 'heuristicRatio' | 'staleWhileRevalidateMs' | 'staleIfErrorMs' | 'setCookie' | 'targets'
>;

/** Statuses that get the default lifetime: answers that stand, not failures. */
const DEFAULT_TTL_STATUSES: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308]);
/** Statuses whose lifetime may be guessed (RFC 9110 §15.1). */
const HEURISTIC_STATUSES: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);
/** The longest lifetime that is guessed (RFC 9111 §4.2.2 leaves it to the cache). */
const MAX_HEURISTIC_MS = 24 * 60 * 60 * 1000;
/** RFC 9111 §1.2.2: what is longer is this long. */
const MAX_SECONDS = 2 ** 31;

/** The terms of an answer, or why it is not stored. */
export function judge(head: HeadView, asked: Asked, options: StoringOptions): Terms | Refusal {
  const { status } = head;
  const { nowAt } = asked;
  const { directives, targeted } = directivesOf(head, options.targets);
  if (status < 200 || status === 304) return 'status';
  // Parts are kept by nobody here: a range is cut from the whole (RFC 9111 §3.3).
  if (status === 206 || status === 416 || head.has('content-range')) return 'partial';
  if (directives.mustUnderstand) {
    if (!isUnderstood(status)) return 'must-understand';
  } else if (directives.noStore) {
    return 'no-store';
  }
  if (asked.noStore) return 'no-store';
  if (directives.private === true) return 'private';
  const shared = directives.public || directives.sMaxageSeconds !== undefined;
  if (asked.credentialed && !shared) return 'credentials';
  if (asked.principalRead && !shared) return 'principal';
  if (options.setCookie === 'refuse' && head.has('set-cookie')) return 'set-cookie';
  // A cookie, or a coding, may come behind what is judged here.
  if (asked.patchedBefore) return 'patched';
  const vary = varyNames(head.get('vary'));
  if (vary === '*') return 'vary';
  // It never ends, and those who wait for it would not either.
  if (/^text\/event-stream\b/i.test(fieldText(head.get('content-type')) ?? '')) {
    return 'event-stream';
  }
  const dateAt = dateOf(head, nowAt);
  const etag = fieldText(head.get('etag'));
  const lastModified = fieldText(head.get('last-modified'));
  const explicitMs = explicitLifetimeMs(head, directives, targeted, dateAt, nowAt);
  const lifetimeMs =
    explicitMs ?? guessedLifetimeMs(status, directives, lastModified, dateAt, nowAt, options);
  if (lifetimeMs === undefined) return 'no-freshness';
  const mustValidate = directives.noCache === true;
  const mayBeStale =
    !mustValidate &&
    !directives.mustRevalidate &&
    !directives.proxyRevalidate &&
    directives.sMaxageSeconds === undefined;
  const window = (stated: number | undefined, own: number): number =>
    !mayBeStale ? 0 : stated === undefined ? own : stated * 1000;
  const staleWhileRevalidateMs = window(
    directives.staleWhileRevalidateSeconds,
    options.staleWhileRevalidateMs,
  );
  const staleIfErrorMs = window(directives.staleIfErrorSeconds, options.staleIfErrorMs);
  const initialAgeMs = initialAge(head, dateAt, asked);
  const validator = etag !== undefined || lastModified !== undefined;
  if (mustValidate && !validator) return 'no-validator';
  const useMs = lifetimeMs - initialAgeMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs);
  if (useMs <= 0 && !validator) return 'no-freshness';
  return {
    lifetimeMs,
    initialAgeMs,
    dateAt,
    shared,
    mustValidate,
    mayBeStale,
    staleWhileRevalidateMs,
    staleIfErrorMs,
    noTransform: directives.noTransform,
    vary,
    etag,
    lastModified,
    without: [
      ...(Array.isArray(directives.private) ? (directives.private as readonly string[]) : []),
      ...(Array.isArray(directives.noCache) ? (directives.noCache as readonly string[]) : []),
    ],
  };
}

/** Whether its rules of storing are known here (RFC 9111 §3): parts of the unknown, such as a delta (RFC 3229), are not. */
function isUnderstood(status: number): boolean {
  return STATUS_CODES[status] !== undefined && status !== 207 && status !== 208 && status !== 226;
}

/** The first target that says something wins over `Cache-Control` and `Expires` (RFC 9213 §2.2). */
function directivesOf(
  head: HeadView,
  targets: readonly string[],
): { readonly directives: Directives; readonly targeted: boolean } {
  for (const target of targets) {
    const directives = targetedDirectives(fieldText(head.get(target))?.trim());
    if (directives !== undefined) return { directives, targeted: true };
  }
  return { directives: parseCacheControl(fieldText(head.get('cache-control'))), targeted: false };
}

/** The lifetime that the answer states (RFC 9111 §4.2.1). */
function explicitLifetimeMs(
  head: HeadView,
  directives: Directives,
  targeted: boolean,
  dateAt: number,
  nowAt: number,
): number | undefined {
  const seconds = directives.sMaxageSeconds ?? directives.maxAgeSeconds;
  if (seconds !== undefined) return seconds * 1000;
  const expires = head.get('expires');
  if (targeted || expires === undefined) return undefined;
  // Several lines contradict each other, and no date is one in the past (RFC 9111 §5.3).
  const at = Array.isArray(expires) ? undefined : parseHttpDate(String(expires), nowAt);
  return at === undefined ? 0 : Math.min(Math.max(0, at - dateAt), MAX_SECONDS * 1000);
}

/** This project's own default lifetime, or HTTP's guess where that is off. */
function guessedLifetimeMs(
  status: number,
  directives: Directives,
  lastModified: string | undefined,
  dateAt: number,
  nowAt: number,
  { ttlMs, heuristicRatio }: StoringOptions,
): number | undefined {
  if (ttlMs > 0 && DEFAULT_TTL_STATUSES.has(status)) return ttlMs;
  const modifiedAt = lastModified === undefined ? undefined : parseHttpDate(lastModified, nowAt);
  const mayGuess = ttlMs === 0 && heuristicRatio > 0;
  if (
    mayGuess &&
    modifiedAt !== undefined &&
    (HEURISTIC_STATUSES.has(status) || directives.public)
  ) {
    return Math.min(Math.max(0, dateAt - modifiedAt) * heuristicRatio, MAX_HEURISTIC_MS);
  }
  // What must be asked about before each use needs no lifetime.
  return directives.noCache === true ? 0 : undefined;
}

/** RFC 9111 §4.2.3. The wait counts only for what came from further away: the application's answer is made at its end. */
function initialAge(head: HeadView, dateAt: number, { askedAt, nowAt }: Asked): number {
  const apparentMs = Math.max(0, nowAt - dateAt);
  const age = fieldText(head.get('age'));
  if (age === undefined) return apparentMs;
  // The first member, digits only (RFC 9111 §5.1).
  const digits = /^\s*(\d+)\s*(?:,|$)/.exec(age)?.[1];
  const seconds = digits === undefined ? 0 : Math.min(Number(digits), MAX_SECONDS);
  return Math.max(apparentMs, seconds * 1000 + Math.max(0, nowAt - askedAt));
}

function dateOf(head: HeadView, nowAt: number): number {
  const date = fieldText(head.get('date'));
  return (date === undefined ? undefined : parseHttpDate(date, nowAt)) ?? nowAt;
}
