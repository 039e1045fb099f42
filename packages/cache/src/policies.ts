/** What holds for a request: the instance's options, and a route's own over them. */
import { type Exchange, type Partition, routeTable } from '@org/core';

import { type MakeKey, makeKeyOf } from './cache-key.ts';
import type { CacheOptions, RoutePolicy } from './options.ts';
import type { StoringOptions } from './storing.ts';

/** The settings for one request, complete. */
export interface Policy {
  readonly keyOf: MakeKey;
  readonly partition: Partition;
  readonly storing: StoringOptions;
  readonly tags: (exchange: Exchange) => readonly string[];
}

/** Finds the policy for a URL's path and query; `false`: not cached. */
export type FindPolicy = (url: string) => Policy | false;

/** Compiles the policies of an instance. @throws OptionError for a pattern that is none */
export function compilePolicies(options: Readonly<CacheOptions>): FindPolicy {
  const general = policyOf(options, {});
  const find = routeTable<Policy | false>(
    'cache',
    Object.fromEntries(
      Object.entries(options.routes).map(([pattern, own]) => [
        pattern,
        own === false ? false : policyOf(options, own),
      ]),
    ),
  );
  return (url) => find(url) ?? general;
}

function policyOf(options: Readonly<CacheOptions>, own: RoutePolicy): Policy {
  const { tags } = own;
  return {
    keyOf: makeKeyOf({
      allowQuery: own.allowQuery ?? options.allowQuery,
      ignoreQuery: own.ignoreQuery ?? options.ignoreQuery,
      sortQuery: options.sortQuery,
      maxKeyLength: options.maxKeyLength,
    }),
    partition: own.partition ?? options.partition,
    storing: {
      ttlMs: own.ttlMs ?? options.ttlMs,
      heuristicRatio: options.heuristicRatio,
      staleWhileRevalidateMs: own.staleWhileRevalidateMs ?? options.staleWhileRevalidateMs,
      staleIfErrorMs: own.staleIfErrorMs ?? options.staleIfErrorMs,
      setCookie: options.setCookie,
      targets: options.targets,
    },
    tags: typeof tags === 'function' ? tags : () => tags ?? [],
  };
}
