import { setTimeout as sleep } from 'node:timers/promises';
import { storeContract } from '@org/core/testing';
import { redisStore } from '@org/redis';
import { type RedisServer, startRedis, withRedis } from 'test-servers/redis';

withRedis('the store contract over it', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.crash());

  let count = 0;
  for (const bus of ['pubsub', 'stream'] as const) {
    storeContract(`redisStore over a server, with ${bus},`, {
      make: async () => {
        const url = `redis://127.0.0.1:${server.port}`;
        const store = redisStore({ url, bus, keyPrefix: `test-${++count}`, timeoutMs: 5000 });
        await store.start();
        return store;
      },
      pass: (ms) => sleep(ms),
    });
  }
});
