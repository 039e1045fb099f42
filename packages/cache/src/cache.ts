/**
 * A shared HTTP cache in front of the application's handlers. It answers before they
 * run, and before the queue: a hit takes no place there. What compresses and transforms
 * stands above it, so that it keeps plain bodies.
 */
import {
  Credentials,
  defineMiddleware,
  exchangeOf,
  type Given,
  type HealthReport,
  Listeners,
  type Middleware,
  type StateKey,
  stateKey,
  type Stats,
} from '@org/core';
import type { Response } from 'express';

import { Codings } from './codings.ts';
import { CACHE_CHANNEL } from './events.ts';
import { Filling } from './filling.ts';
import { Flights } from './flights.ts';
import { Invalidations } from './invalidations.ts';
import { Lookup } from './lookup.ts';
import { Maker } from './making.ts';
import { MemoryTier } from './memory-tier.ts';
import { type CacheOptions, resolveCacheOptions } from './options.ts';
import { compilePolicies } from './policies.ts';
import { Refreshing } from './refreshing.ts';
import { SharedTier } from './shared-tier.ts';
import { Statistics } from './statistics.ts';
import { EVERYTHING, tagOf } from './tags.ts';
import { Tiers } from './tiers.ts';
import { addressTag } from './visit.ts';
import { warm, type WarmOptions, type WarmReport } from './warming.ts';
import { Whole } from './whole.ts';

/** What to invalidate: everything that has one of these addresses or tags. */
export interface Invalidation {
  /** Paths with their query, such as `/api/cities?page=2`; on every host and for everybody. */
  readonly urls?: readonly string[];
  /** Tags, or groups of any origin. */
  readonly tags?: readonly string[];
  /** Keep what is invalidated for staleness that is allowed, and confirm it before the next use. @default false */
  readonly soft?: boolean;
}

/** The cache: a middleware, and what can be done with its content. */
export interface Cache extends Middleware {
  /**
   * Invalidates at once in this process; resolves when the shared store, if there is one, and
   * through it the other processes, know.
   * @throws ERR_STORE_TIMEOUT, ERR_STORE_UNAVAILABLE; it is then told again as soon as it answers
   */
  invalidate(invalidation: Invalidation): Promise<void>;
  /** Invalidates everything. Throws as `invalidate` does. */
  clear(): Promise<void>;
  /** Gives the answer to this response tags, from within a handler. */
  tag(res: Response, ...tags: readonly string[]): void;
  /** Asks the application for addresses before anybody does. @throws OptionError while the app is not known */
  warm(urls: Iterable<string> | AsyncIterable<string>, options?: WarmOptions): Promise<WarmReport>;
}

/** Makes a cache of its own. @throws OptionError for unknown or wrong options */
export function cache(options?: Given<CacheOptions>): Cache {
  const settings = resolveCacheOptions(options);
  const { clock } = settings;
  const statistics = new Statistics();
  const listeners = new Listeners(CACHE_CHANNEL, settings.onEvent, 'cache onEvent');
  const invalidations = new Invalidations();
  const memory = new MemoryTier(settings);
  const shared =
    settings.store === undefined
      ? undefined
      : new SharedTier({
          store: settings.store,
          namespace: settings.namespace,
          timeoutMs: settings.storeTimeoutMs,
          clock,
          invalidations,
        });
  const tiers = new Tiers(memory, invalidations, shared);
  const codings = new Codings({
    compressThresholdBytes: settings.compressThresholdBytes,
    codings: settings.codings,
    telling: settings,
    onCoded: (entry) => memory.remeasure(entry),
  });
  const handlerTags: StateKey<readonly string[]> = stateKey<readonly string[]>('cache tags');
  const findPolicy = compilePolicies(settings);
  const maker = new Maker(settings, codings);
  const filling = new Filling({
    options: settings,
    tiers,
    codings,
    maker,
    statistics,
    listeners,
    handlerTags,
  });
  const refreshing = new Refreshing(settings, statistics);
  const whole = new Whole();
  const lookup = new Lookup({
    options: settings,
    findPolicy,
    credentials: new Credentials(settings),
    tiers,
    codings,
    filling,
    flights: new Flights(clock, settings.collapseTimeoutMs, settings.hitForMissMs),
    refreshing,
    statistics,
    listeners,
    whole,
  });

  async function invalidate({ urls = [], tags = [], soft = false }: Invalidation): Promise<void> {
    const addresses = urls.flatMap((url) => {
      const policy = findPolicy(url);
      return policy === false ? [] : [addressTag(policy, url)];
    });
    const all = [...addresses, ...tags.map(tagOf)];
    if (all.length > 0) await lookup.invalidate(all, soft);
  }

  const middleware = defineMiddleware({
    name: 'cache',
    phase: 'reuse',
    reason: 'a hit takes no place in the queue',
    step: (exchange) => lookup.step(exchange),
    attach: (host) => whole.attach(host),
    // Nobody waits for the store, not even the start.
    start: () => void shared?.start(),
    health: (): HealthReport =>
      shared?.outage.down === true
        ? { status: 'warn', detail: 'the shared store does not answer; memory serves alone' }
        : { status: 'pass' },
    stats: (): Stats => ({
      hitRatio: statistics.hitRatio,
      hitsTotal: statistics.hitsTotal,
      staleTotal: statistics.staleTotal,
      collapsedTotal: statistics.collapsedTotal,
      missesTotal: statistics.missesTotal,
      revalidatedTotal: statistics.revalidatedTotal,
      storedTotal: statistics.storedTotal,
      refusedTotal: { ...statistics.refusedTotal },
      bypassedTotal: { ...statistics.bypassedTotal },
      invalidationsTotal: statistics.invalidationsTotal,
      evictedTotal: memory.evictedTotal,
      refreshesTotal: statistics.refreshesTotal,
      refreshesFailedTotal: statistics.refreshesFailedTotal,
      codedTotal: codings.codedTotal,
      servedBytesTotal: statistics.servedBytesTotal,
      keys: memory.keys,
      memoryBytes: memory.bytes,
      ...(shared === undefined
        ? {}
        : {
            shared: {
              hitsTotal: shared.hitsTotal,
              missesTotal: shared.missesTotal,
              failuresTotal: shared.outage.failuresTotal,
              gapsTotal: shared.gapsTotal,
              forgottenTotal: shared.forgottenTotal,
              down: shared.outage.down,
            },
          }),
    }),
    async close() {
      refreshing.close();
      memory.clear();
      await codings.settled();
      await shared?.close();
    },
  });

  return Object.assign(middleware, {
    invalidate,
    clear: () => invalidateEverything(),
    tag(res: Response, ...tags: readonly string[]): void {
      const exchange = exchangeOf(res.req, res);
      exchange.setState(handlerTags, [...(exchange.getState(handlerTags) ?? []), ...tags]);
    },
    warm: (urls: Iterable<string> | AsyncIterable<string>, how: WarmOptions = {}) =>
      warm(urls, how, whole, refreshing),
  });

  async function invalidateEverything(): Promise<void> {
    memory.clear();
    await lookup.invalidate([EVERYTHING], false);
  }
}
