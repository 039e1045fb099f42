export { cache, type Cache, type Invalidation } from './cache.ts';
export { type Bypass, CACHE_CHANNEL, type CacheEvent, type OnCacheEvent } from './events.ts';
export {
  CACHE_DEFAULTS,
  type CacheOptions,
  type RoutePolicy,
  type StoredCoding,
} from './options.ts';
export type { Refusal } from './storing.ts';
export type { WarmOptions, WarmReport } from './warming.ts';
