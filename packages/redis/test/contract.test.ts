import { setTimeout as sleep } from 'node:timers/promises';
import { storeContract } from '@org/core/testing';
import { redisStore } from '@org/redis';
import { type RedisServer, startRedis, withRedis } from 'test-servers/redis';
import { type RedisCluster, startRedisCluster } from 'test-servers/redis-cluster';

/** Long: these tests are about what is answered, not about when. */
const timeoutMs = 5000;

let count = 0;
const keyPrefix = (): string => `test-${++count}`;

withRedis('the store contract over it', () => {
  let server: RedisServer | undefined;
  let cluster: RedisCluster | undefined;
  beforeAll(async () => {
    [server, cluster] = await Promise.all([startRedis(), startRedisCluster()]);
  });
  afterAll(async () => {
    await server?.crash();
    await cluster?.stop();
  });

  for (const bus of ['pubsub', 'stream'] as const) {
    storeContract(`redisStore over a server, with ${bus},`, {
      make: async () => {
        const url = `redis://127.0.0.1:${server!.port}`;
        const store = redisStore({ url, bus, keyPrefix: keyPrefix(), timeoutMs });
        await store.start();
        return store;
      },
      pass: (ms) => sleep(ms),
    });

    storeContract(`redisStore over a cluster of six nodes, with ${bus},`, {
      make: async () => {
        const nodes = cluster!.addresses;
        const store = redisStore({ nodes, bus, keyPrefix: keyPrefix(), timeoutMs });
        await store.start();
        return store;
      },
      pass: (ms) => sleep(ms),
    });
  }
});
