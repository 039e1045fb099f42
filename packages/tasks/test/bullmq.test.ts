import { type RedisServer, hasRedis, startRedis } from './redis-server.ts';
import { durableContract, engineContract } from './engine-contract.ts';
import { bullmq } from '@org/tasks';

if (hasRedis()) {
  let redis: RedisServer;
  let made = 0;
  const engine = () => bullmq({ url: `redis://127.0.0.1:${redis.port}`, prefix: `t${made}` });
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.crash());

  engineContract('BullMQ on Redis', () => {
    made++;
    return { engine: engine() };
  });
  durableContract('BullMQ on Redis', () => {
    made++;
    // Each process has an engine of its own.
    return {
      get engine() {
        return engine();
      },
    };
  });
}
