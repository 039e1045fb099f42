/** What holds for a request: the instance's options, and a route's own over them. */
import { type Exchange, OptionError, type Partition } from '@org/core';
import { pathToRegexp } from 'path-to-regexp';

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
  const routes = Object.entries(options.routes).map(([pattern, own]) => ({
    regexp: compilePattern(pattern),
    policy: own === false ? (false as const) : policyOf(options, own),
  }));
  if (routes.length === 0) return () => general;
  return (url) => {
    const end = url.indexOf('?');
    const path = end === -1 ? url : url.slice(0, end);
    for (const { regexp, policy } of routes) if (regexp.test(path)) return policy;
    return general;
  };
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

/** Express' own patterns, compared as Express compares them by default. */
function compilePattern(pattern: string): RegExp {
  try {
    return pathToRegexp(pattern).regexp;
  } catch (error) {
    throw new OptionError('cache', [
      `route "${pattern}" is no path pattern of Express: ${(error as Error).message}.`,
    ]);
  }
}
