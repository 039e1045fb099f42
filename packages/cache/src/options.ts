/** The options of the cache, their defaults and their checks. */
import {
  boolean,
  bytes,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  CREDENTIAL_DEFAULTS,
  durationMs,
  either,
  type Exchange,
  func,
  type Given,
  integer,
  listOf,
  MAX_DELAY_MS,
  oneOf,
  type Partition,
  partitionCheck,
  ratio,
  recordOf,
  resolveOptions,
  shape,
  type Store,
  systemClock,
  text,
} from '@org/core';

import type { OnCacheEvent } from './events.ts';

/** A content coding in which stored bodies are kept besides their identity. */
export type StoredCoding = 'br' | 'zstd' | 'gzip';

/** What may differ from route to route; what is absent is the instance's own. */
export interface RoutePolicy {
  /** Lifetime of an answer that states none, in ms. */
  readonly ttlMs?: number | undefined;
  /** How long past its lifetime an answer is served while it is fetched anew, where it does not say itself, in ms. */
  readonly staleWhileRevalidateMs?: number | undefined;
  /** How long past its lifetime an answer stands in for a 500, 502, 503 or 504, where it does not say itself, in ms. */
  readonly staleIfErrorMs?: number | undefined;
  /** Query parameters that count; all others are left out of the key. `[]`: none counts. */
  readonly allowQuery?: readonly string[] | undefined;
  /** Query parameters that do not count; `utm_*` is a prefix. */
  readonly ignoreQuery?: readonly string[] | undefined;
  readonly partition?: Partition | undefined;
  /** Tags of every answer of the route, for `invalidate({ tags })`. */
  readonly tags?: readonly string[] | ((exchange: Exchange) => readonly string[]) | undefined;
}

/** What the cache can be told. */
export interface CacheOptions {
  /** Lifetime of an answer that states none, in ms; 0 leaves it to HTTP: the cache is then strictly RFC 9111. @default 300_000 */
  readonly ttlMs: number;
  /** Lifetime as a share of the time since `Last-Modified`, where `ttlMs` is 0 (RFC 9111 §4.2.2). 0: none. @default 0.1 */
  readonly heuristicRatio: number;
  /** How long past its lifetime an answer is served while it is fetched anew, where it does not say itself (RFC 5861 §3), in ms. @default 0 */
  readonly staleWhileRevalidateMs: number;
  /** How long past its lifetime an answer stands in for a 500, 502, 503 or 504, where it does not say itself (RFC 5861 §4), in ms. @default 0 */
  readonly staleIfErrorMs: number;
  /** Lifetimes end early by a random share up to this, so that what was stored together does not expire together. @default 0.1 */
  readonly jitterRatio: number;
  /** The most bytes in memory, bodies in every coding and overheads included. @default 64 MiB */
  readonly maxBytes: number;
  /** Larger bodies are not stored. @default 2 MiB */
  readonly maxEntryBytes: number;
  /** The most answers of one address that differ by `Vary`. @default 16 */
  readonly maxVariants: number;
  /** Longer keys (origin, path and query), in characters, are not stored. @default 2048 */
  readonly maxKeyLength: number;
  /** Stored bodies from this size on are kept in content codings too. `Infinity`: none is. @default 1024 */
  readonly compressThresholdBytes: number;
  /** Codings in order of preference; those that the runtime lacks are left out. @default ["br", "zstd", "gzip"] */
  readonly codings: readonly StoredCoding[];
  /** Query parameters that count; all others are left out of the key. @default all */
  readonly allowQuery: readonly string[] | undefined;
  /** Query parameters that do not count; `utm_*` is a prefix. @default [] */
  readonly ignoreQuery: readonly string[];
  /** Whether the order of query parameters is of no account. @default true */
  readonly sortQuery: boolean;
  /** Request headers that carry credentials, besides `Authorization` and `Cookie`. @default ["x-api-key", "api-key", "x-auth-token", "x-access-token"] */
  readonly credentialHeaders: readonly string[];
  /** Cookies that identify nobody; `_ga*` is a prefix. A request with no others counts as one without. @default [] */
  readonly harmlessCookies: readonly string[];
  /** Whose answers may be shared with whom: `none` shares only what is for everybody. @default "none" */
  readonly partition: Partition;
  /** What becomes of an answer that sets a cookie: it is not stored, or it is stored without. @default "refuse" */
  readonly setCookie: 'refuse' | 'strip';
  /** Whether `Cache-Control` of requests is obeyed (RFC 9111 §5.2.1). @default true */
  readonly requestDirectives: boolean;
  /** Targeted fields that win over `Cache-Control`, the first first (RFC 9213). @default ["CDN-Cache-Control"] */
  readonly targets: readonly string[];
  /** Whether concurrent requests for what is not stored wait for one of them. @default true */
  readonly collapse: boolean;
  /** The longest that requests wait for another, in ms. @default 5000 */
  readonly collapseTimeoutMs: number;
  /** How long requests do not wait for each other once an answer could not be stored, in ms. @default 120_000 */
  readonly hitForMissMs: number;
  /** The last part of a lifetime in which a popular answer is fetched anew. 0: never ahead. @default 0 */
  readonly refreshAheadRatio: number;
  /** Hits within a lifetime that make an answer popular. @default 10 */
  readonly refreshMinHits: number;
  /** The most fetches in the background at once. @default 2 */
  readonly refreshConcurrency: number;
  /** The share of its time that each of these may spend on refreshing ahead. @default 0.25 */
  readonly refreshBudgetRatio: number;
  /** The longest that a fetch in the background may take, in ms. @default 30_000 */
  readonly refreshTimeoutMs: number;
  /** A store behind memory, shared by several processes. @default none */
  readonly store: Store | undefined;
  /** The longest that a call to that store may hold up a request, in ms. @default 50 */
  readonly storeTimeoutMs: number;
  /** Prefix of every key and channel in that store. @default "cache" */
  readonly namespace: string;
  /** Policies by path pattern as Express writes it; the first that matches counts. `false`: not cached. @default {} */
  readonly routes: Readonly<Record<string, RoutePolicy | false>>;
  /** Whether answers tell how they came about, in `Cache-Status` (RFC 9211). @default true */
  readonly cacheStatus: boolean;
  /** This cache's name in `Cache-Status`. @default "express" */
  readonly cacheName: string;
  /** Told of every decision. @default nobody */
  readonly onEvent: OnCacheEvent | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
  /** Source of randomness, from 0 to below 1. @default Math.random */
  readonly random: () => number;
}

export const CACHE_DEFAULTS: Readonly<CacheOptions> = Object.freeze<CacheOptions>({
  ttlMs: 300_000,
  heuristicRatio: 0.1,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  jitterRatio: 0.1,
  maxBytes: 64 * 1024 * 1024,
  maxEntryBytes: 2 * 1024 * 1024,
  maxVariants: 16,
  maxKeyLength: 2048,
  compressThresholdBytes: 1024,
  codings: Object.freeze<StoredCoding[]>(['br', 'zstd', 'gzip']),
  allowQuery: undefined,
  ignoreQuery: Object.freeze([]),
  sortQuery: true,
  ...CREDENTIAL_DEFAULTS,
  partition: 'none',
  setCookie: 'refuse',
  requestDirectives: true,
  targets: Object.freeze(['CDN-Cache-Control']),
  collapse: true,
  collapseTimeoutMs: 5000,
  hitForMissMs: 120_000,
  refreshAheadRatio: 0,
  refreshMinHits: 10,
  refreshConcurrency: 2,
  refreshBudgetRatio: 0.25,
  refreshTimeoutMs: 30_000,
  store: undefined,
  storeTimeoutMs: 50,
  namespace: 'cache',
  routes: Object.freeze({}),
  cacheStatus: true,
  cacheName: 'express',
  onEvent: undefined,
  clock: systemClock,
  random: Math.random,
});

const FIELD_NAME: Check<string> = text({
  // RFC 9110 §5.1: a field name is a token.
  expected: 'a header name',
  pattern: /^[\w!#$%&'*+.^`|~-]+$/,
});
const names = listOf(text({ expected: 'a name', pattern: /^.+$/ }));

const POLICY_CHECKS: Checks<RoutePolicy> = Object.freeze<Checks<RoutePolicy>>({
  ttlMs: durationMs(),
  staleWhileRevalidateMs: durationMs(),
  staleIfErrorMs: durationMs(),
  allowQuery: names,
  ignoreQuery: names,
  partition: partitionCheck,
  tags: either(names, func<(exchange: Exchange) => readonly string[]>()),
});

const policy: Check<RoutePolicy | false> = {
  expected: 'false or a policy',
  accepts: (value): value is RoutePolicy | false =>
    value === false || (typeof value === 'object' && value !== null && !Array.isArray(value)),
};

const CHECKS: Checks<CacheOptions> = Object.freeze<Checks<CacheOptions>>({
  ttlMs: durationMs(),
  heuristicRatio: ratio(),
  staleWhileRevalidateMs: durationMs(),
  staleIfErrorMs: durationMs(),
  jitterRatio: ratio({ max: 0.9 }),
  maxBytes: bytes({ min: 1024 }),
  maxEntryBytes: bytes({ min: 1 }),
  maxVariants: integer({ min: 1, max: 1000 }),
  maxKeyLength: integer({ min: 64, max: 65_536 }),
  compressThresholdBytes: either(bytes(), oneOf(Infinity)),
  codings: listOf(oneOf('br', 'zstd', 'gzip')),
  allowQuery: names,
  ignoreQuery: names,
  sortQuery: boolean(),
  credentialHeaders: listOf(FIELD_NAME),
  harmlessCookies: names,
  partition: partitionCheck,
  setCookie: oneOf('refuse', 'strip'),
  requestDirectives: boolean(),
  targets: listOf(FIELD_NAME),
  collapse: boolean(),
  collapseTimeoutMs: durationMs({ min: 1 }),
  hitForMissMs: durationMs(),
  refreshAheadRatio: ratio({ max: 0.9 }),
  refreshMinHits: integer({ min: 1 }),
  refreshConcurrency: integer({ min: 1, max: 1000 }),
  refreshBudgetRatio: ratio({ min: 0.01 }),
  refreshTimeoutMs: durationMs({ min: 1, max: MAX_DELAY_MS }),
  store: shape<Store>('a store', [
    'get',
    'set',
    'delete',
    'versions',
    'bump',
    'publish',
    'subscribe',
  ]),
  storeTimeoutMs: durationMs({ min: 1 }),
  namespace: text({ expected: 'letters, digits, dots and dashes', pattern: /^[\w.-]{1,64}$/ }),
  routes: recordOf(policy),
  cacheStatus: boolean(),
  cacheName: text({
    expected: 'a name of 1 to 64 printable characters',
    pattern: /^[\x20-\x7e]{1,64}$/,
  }),
  onEvent: func(),
  clock: clockCheck,
  random: func(),
});

/** The options to work with. @throws OptionError for unknown or wrong options, of a route too */
export function resolveCacheOptions(options?: Given<CacheOptions>): Readonly<CacheOptions> {
  const resolved = resolveOptions('cache', CACHE_DEFAULTS, CHECKS, options);
  for (const [pattern, own] of Object.entries(resolved.routes)) {
    if (own !== false) resolveOptions(`cache: route "${pattern}"`, {}, POLICY_CHECKS, own);
  }
  return resolved;
}
