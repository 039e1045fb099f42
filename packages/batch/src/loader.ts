/**
 * A scope: what one request, one transaction or one job has loaded. It lives and dies with it,
 * so that what one caller may see never reaches another by way of a cache.
 */
import type { Exchange } from '@org/core';

import { type Entry, type Owner, primedEntry } from './batch-of-loads.ts';
import { type BatcherOptions, type CacheMap, ownCacheMap } from './batcher-options.ts';
import { Lane } from './lane.ts';
import { refusal, type Traffic } from './traffic.ts';

/** Loads by key, many at a time. */
export interface Loads<K, V> {
  /**
   * The value of a key. Rejects with the Error that the batch function gave for it, with what it
   * failed with as a whole, with the reason for which the request was given up, and with
   * ERR_BATCH_FULL while too many loads are pending.
   * @throws TypeError for no key: undefined or null
   */
  load(key: K): Promise<V>;
  /** The values of several keys in their order, an Error for each that failed; never rejects. @throws TypeError for what is no list */
  loadMany(keys: ArrayLike<K>): Promise<(V | Error)[]>;
}

/** Loads of one scope, with its cache. */
export interface Loader<K, V> extends Loads<K, V> {
  /** Forgets a key, so that it is asked for again. */
  clear(key: K): this;
  /** Forgets everything. */
  clearAll(): this;
  /** Remembers the value of a key, or an Error that loads of it reject with; what is known already stays. */
  prime(key: K, value: V | Error): this;
}

/** Finds the lane that a scope shares with others. */
export type FindLane<K, V> = () => Lane<K, V>;

export class Scope<K, V> implements Loader<K, V>, Owner {
  readonly exchange: Exchange | undefined;
  readonly transaction: object | undefined;
  private readonly options: Readonly<BatcherOptions<K>>;
  private readonly traffic: Traffic<K, V>;
  private readonly findLane: FindLane<K, V> | undefined;
  private readonly cache: CacheMap | undefined;
  /** Its size is this scope's to bound. */
  private readonly ownCache: Map<unknown, unknown> | undefined;
  private lane: Lane<K, V> | undefined;
  private signal: AbortSignal | undefined = undefined;

  constructor(
    traffic: Traffic<K, V>,
    findLane: FindLane<K, V> | undefined,
    exchange: Exchange | undefined,
    transaction: object | undefined,
  ) {
    const { options } = traffic;
    this.traffic = traffic;
    this.options = options;
    this.findLane = findLane;
    this.lane = findLane === undefined ? new Lane(traffic, false) : undefined;
    this.exchange = exchange;
    this.transaction = transaction;
    if (!options.cache) {
      this.cache = undefined;
      this.ownCache = undefined;
    } else if (options.cacheMap === undefined) {
      this.ownCache = new Map();
      this.cache = this.ownCache;
    } else {
      this.cache = ownCacheMap(options.name, options.cacheMap);
      this.ownCache = undefined;
    }
  }

  load(key: K): Promise<V> {
    if (key === null || key === undefined) throw noKey(this.options.name, key);
    const { cache, traffic } = this;
    const cacheKey = this.cacheKeyOf(key);
    const known = cache?.get(cacheKey) as Entry<V> | undefined;
    if (known !== undefined) {
      if (!traffic.adaptive) return this.findBusyLane().join(known);
      // What is known does not wait for a window.
      const { statistics } = traffic;
      statistics.loadsTotal++;
      if (this.lane?.gathers(known) === true) statistics.dedupedTotal++;
      else statistics.hitsTotal++;
      return known.promise;
    }
    if (this.exchange !== undefined) {
      this.signal ??= this.follow(this.exchange);
      if (this.signal.aborted) return Promise.reject(this.signal.reason as Error);
    }
    const refused = refusal(traffic);
    if (refused !== undefined) return Promise.reject(refused);
    const entry = this.findBusyLane().add(this, key, cacheKey);
    if (cache !== undefined) this.remember(cache, cacheKey, entry);
    return entry.promise;
  }

  loadMany(keys: ArrayLike<K>): Promise<(V | Error)[]> {
    return loadEach(this, keys, this.options.name);
  }

  clear(key: K): this {
    this.cache?.delete(this.cacheKeyOf(key));
    return this;
  }

  clearAll(): this {
    this.cache?.clear();
    return this;
  }

  prime(key: K, value: V | Error): this {
    const { cache } = this;
    if (cache === undefined) return this;
    const cacheKey = this.cacheKeyOf(key);
    if (cache.get(cacheKey) !== undefined) return this;
    const promise: Promise<V> =
      value instanceof Error ? Promise.reject(value) : (Promise.resolve(value) as Promise<V>);
    // It is no fault until somebody asks for it.
    promise.catch(() => undefined);
    this.remember(cache, cacheKey, primedEntry(promise, this));
    return this;
  }

  forget(key: unknown, entry: object): void {
    const cacheKey = this.cacheKeyOf(key as K);
    if (this.cache?.get(cacheKey) === entry) this.cache.delete(cacheKey);
  }

  private cacheKeyOf(key: K): unknown {
    const { cacheKeyFn } = this.options;
    return cacheKeyFn === undefined ? key : cacheKeyFn(key);
  }

  /** A shared lane is let go while it has nothing to do; whoever asks for it puts something in. */
  private findBusyLane(): Lane<K, V> {
    const { lane, findLane } = this;
    if (lane !== undefined && (findLane === undefined || lane.busy)) return lane;
    return (this.lane = findLane!());
  }

  private remember(cache: CacheMap, cacheKey: unknown, entry: Entry<V>): void {
    const { ownCache } = this;
    if (ownCache !== undefined && ownCache.size >= this.options.maxCacheSize) {
      ownCache.delete(ownCache.keys().next().value);
    }
    cache.set(cacheKey, entry);
  }

  /** A request that is given up gives up its loads. */
  private follow({ signal }: Exchange): AbortSignal {
    signal.addEventListener('abort', () => this.lane?.abandon(this, signal.reason), { once: true });
    return signal;
  }
}

/** `loadMany` in terms of `load`. */
export function loadEach<K, V>(
  loads: Pick<Loads<K, V>, 'load'>,
  keys: ArrayLike<K>,
  name: string,
): Promise<(V | Error)[]> {
  if (typeof keys !== 'object' || keys === null || typeof keys.length !== 'number') {
    throw new TypeError(`${name}: loadMany() takes a list of keys, but got ${typeof keys}.`);
  }
  // Only what every list has is used of it.
  return Promise.all(
    Array.from(keys, (key) => loads.load(key).catch((error: unknown) => error as Error)),
  );
}

export function noKey(name: string, key: unknown): TypeError {
  return new TypeError(`${name}: load() takes a key, but got ${String(key)}.`);
}
