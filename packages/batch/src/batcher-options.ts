/** The options of a batcher, their defaults and their checks. */
import {
  boolean,
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
  oneOf,
  OptionError,
  type Partition,
  partitionCheck,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';

import type { OnBatch } from './events.ts';

/** A map of one's own for what a scope has loaded. What is kept in it is for the batcher alone to read. */
export interface CacheMap {
  get(key: unknown): unknown;
  set(key: unknown, value: unknown): unknown;
  delete(key: unknown): unknown;
  clear(): unknown;
}

/**
 * When a batch leaves. `tick`: with the last promise job of the tick in which its first load came.
 * `adaptive`: so, too, while nothing is under way; while another batch is, once that has landed,
 * `windowMs` is over, or it is full.
 */
export type Window = 'tick' | 'adaptive';

/** What a batcher can be told. */
export interface BatcherOptions<K> {
  /** What it is called in statistics, events and errors. @default "batcher" */
  readonly name: string;
  /** Keys at which a batch does not wait any longer; `Infinity`: no limit. 1 switches batching off. @default 100 */
  readonly maxBatchSize: number;
  /** The longest that a batch of the adaptive window waits, in ms. @default 50 */
  readonly windowMs: number;
  /** When a batch leaves. @default "adaptive" where it is shared, "tick" otherwise */
  readonly window: Window | undefined;
  /** Whether loads of several requests go into one batch. Their results are cached for each by itself. @default false */
  readonly shared: boolean;
  /** Whose loads may share a batch. @default the principal where there is one, and what the request carries of credentials otherwise */
  readonly partition: Partition | undefined;
  /** The tenant of a request: loads of different tenants never share a batch. @default none */
  readonly tenant: ((exchange: Exchange) => string | undefined) | undefined;
  /** Request headers that carry credentials, besides `Authorization` and `Cookie`. @default ["x-api-key", "api-key", "x-auth-token", "x-access-token"] */
  readonly credentialHeaders: readonly string[];
  /** Cookies that identify nobody; `_ga*` is a prefix. A request with no others counts as one without. @default [] */
  readonly harmlessCookies: readonly string[];
  /** Whether a scope remembers what it has loaded. Without, the same key twice is two keys of a batch. @default true */
  readonly cache: boolean;
  /** What two keys must have in common to be the same. @default the key itself, compared as a Map does */
  readonly cacheKeyFn: ((key: K) => unknown) | undefined;
  /** Makes the map of a scope; its size is then its own to bound. @default a Map of `maxCacheSize` */
  readonly cacheMap: (() => CacheMap) | undefined;
  /** The most keys that one scope remembers; beyond, the oldest go. @default 10_000 */
  readonly maxCacheSize: number;
  /** The most keys of all scopes that wait or are being loaded; further loads are refused. @default 100_000 */
  readonly maxPending: number;
  /** The most partitions that share batches at a time; loads of others go alone. @default 1000 */
  readonly maxPartitions: number;
  /** How long before the deadline of its most urgent request a batch leaves at the latest, in ms. @default 10 */
  readonly deadlineMarginMs: number;
  /** Calls `dispatch`, once, when a batch shall leave. @default after the promise jobs of the tick */
  readonly schedule: ((dispatch: () => void) => void) | undefined;
  /** Told of every batch that has landed. @default nobody */
  readonly onBatch: OnBatch | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

export const BATCHER_DEFAULTS: Readonly<BatcherOptions<never>> = Object.freeze<
  BatcherOptions<never>
>({
  name: 'batcher',
  maxBatchSize: 100,
  windowMs: 50,
  window: undefined,
  shared: false,
  partition: undefined,
  tenant: undefined,
  ...CREDENTIAL_DEFAULTS,
  cache: true,
  cacheKeyFn: undefined,
  cacheMap: undefined,
  maxCacheSize: 10_000,
  maxPending: 100_000,
  maxPartitions: 1000,
  deadlineMarginMs: 10,
  schedule: undefined,
  onBatch: undefined,
  clock: systemClock,
});

const name = text({ expected: 'a name of 1 to 100 characters', pattern: /^.{1,100}$/ });
/** Names of headers and cookies. */
const names = listOf(text({ expected: 'a name', pattern: /^.+$/ }));
const size: Check<number> = either(integer({ min: 1 }), oneOf(Infinity));

/** The checks that every batcher and the middleware share. */
export const BATCHER_CHECKS: Checks<BatcherOptions<never>> = Object.freeze({
  name,
  maxBatchSize: size,
  windowMs: durationMs(),
  window: oneOf('tick', 'adaptive'),
  shared: boolean(),
  partition: partitionCheck,
  tenant: func<(exchange: Exchange) => string | undefined>(),
  credentialHeaders: names,
  harmlessCookies: names,
  cache: boolean(),
  cacheKeyFn: func<(key: never) => unknown>(),
  cacheMap: func<() => CacheMap>(),
  maxCacheSize: integer({ min: 1 }),
  maxPending: integer({ min: 1 }),
  maxPartitions: integer({ min: 1 }),
  deadlineMarginMs: durationMs(),
  schedule: func<(dispatch: () => void) => void>(),
  onBatch: func<OnBatch>(),
  clock: clockCheck,
});

/** The options to work with. @throws OptionError for unknown or wrong options */
export function resolveBatcherOptions<K>(
  given: Given<BatcherOptions<K>> | undefined,
): Readonly<BatcherOptions<K>> {
  return resolveOptions<BatcherOptions<K>>(
    'createBatcher',
    BATCHER_DEFAULTS as BatcherOptions<K>,
    BATCHER_CHECKS as Checks<BatcherOptions<K>>,
    given,
  );
}

/** Makes the map of a scope by the user's function. @throws OptionError for what is no map */
export function ownCacheMap(owner: string, make: () => CacheMap): CacheMap {
  const map: unknown = make();
  const missing = (['get', 'set', 'delete', 'clear'] as const).filter(
    (method) => typeof (map as Partial<CacheMap> | null | undefined)?.[method] !== 'function',
  );
  if (missing.length === 0) return map as CacheMap;
  throw new OptionError(owner, [
    `option "cacheMap" must make a map, but what it made lacks ${missing.join(', ')}.`,
  ]);
}
