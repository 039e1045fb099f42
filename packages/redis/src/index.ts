export type { Client } from './options.ts';
export { REDIS_STORE_DEFAULTS, type RedisStoreOptions } from './options.ts';
export { type RedisStore, redisStore, type RemoteStore } from './redis-store.ts';
