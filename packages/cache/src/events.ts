/**
 * What the cache tells of itself as it happens: to `onEvent`, and on the diagnostics
 * channel `@org/cache`. With nobody listening an event is not even made.
 */
import type { Exchange } from '@org/core';

import type { Refusal } from './storing.ts';

/** Why the cache stood aside; `no-key`: the address is too long, or its host is none. */
export type Bypass = 'policy' | 'no-key' | 'precondition' | 'credentials';

/** Something that happened. */
export type CacheEvent =
  /** A request was answered from the store: in its lifetime, past it, or with what another request has just fetched. */
  | {
      readonly type: 'hit' | 'stale' | 'collapsed';
      readonly key: string;
      readonly exchange: Exchange;
    }
  /** The application was asked. */
  | { readonly type: 'miss'; readonly key: string; readonly exchange: Exchange }
  /** The application said that what is stored still holds. */
  | { readonly type: 'revalidated'; readonly key: string; readonly exchange: Exchange }
  /** The cache stood aside. */
  | { readonly type: 'bypass'; readonly reason: Bypass; readonly exchange: Exchange }
  | { readonly type: 'stored'; readonly key: string; readonly bytes: number }
  /** An answer was not stored. */
  | { readonly type: 'refused'; readonly key: string; readonly reason: Refusal }
  | { readonly type: 'invalidated'; readonly tags: readonly string[]; readonly soft: boolean };

/** Hears events. What it throws is reported, and changes nothing. */
export type OnCacheEvent = (event: CacheEvent) => void;

/** Name of the diagnostics channel; messages are `CacheEvent`s. */
export const CACHE_CHANNEL = '@org/cache';
