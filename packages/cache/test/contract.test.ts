import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { cache, type CacheOptions } from '@org/cache';

middlewareContract<Partial<CacheOptions>>('cache', {
  factory: cache,
  example: { ttlMs: 1000 },
  setup,
});
