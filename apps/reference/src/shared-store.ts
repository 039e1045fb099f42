/** What processes of the service share: a store in Redis, where REDIS_URL says so. */
import type { RedisStore } from '@org/redis';

import type { ServiceConfig } from './settings.ts';

/** The store, not connected yet; nothing where each process is alone. */
export async function sharedStore(config: ServiceConfig): Promise<RedisStore | undefined> {
  const options = config.options('redis');
  if (options.url === undefined) return undefined;
  const { redisStore } = await import('@org/redis');
  return redisStore(options);
}
