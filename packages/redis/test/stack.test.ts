/** The store as the whole uses it: made of REDIS_URL, given to all whose state is shared, closed last. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { loadConfig } from '@org/config';
import { type Component, memoryStore } from '@org/core';
import { setup, standard } from '@org/setup';
import express from 'express';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis, withRedis } from 'test-servers/redis';

withRedis('a stack over it', () => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port, '127.0.0.1');
  });
  afterAll(async () => {
    client.disconnect();
    await server.crash();
  });

  const configured = (more: Record<string, string> = {}) =>
    loadConfig({
      dotenv: false,
      env: {
        REDIS_URL: `redis://127.0.0.1:${server.port}`,
        REDIS_KEY_PREFIX: 'places',
        ENABLE_DISTRIBUTED_RATE_LIMIT: 'true',
        LOG_LEVEL: 'SILENT',
        PORT: '0',
        ...more,
      },
    });

  /** A process of a service, and how often its handler has run. */
  async function service() {
    const config = configured();
    const parts = await standard(config);
    const app = express();
    const stack = setup(app, parts, config.setupOptions(parts));
    let runs = 0;
    app.get('/cities/:page', (_req, res) => {
      runs++;
      res.set('Cache-Control', 'public, max-age=60').json([]);
    });
    const listening = await stack.listen(0, '127.0.0.1');
    const { port } = listening.address() as AddressInfo;
    // Both are the same service to their clients, by one name.
    const headers = { host: 'places.example' };
    const ask = async (page: number): Promise<IncomingMessage> => {
      const request = get({ host: '127.0.0.1', port, path: `/cities/${page}`, headers });
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      answer.resume();
      return answer;
    };
    return { stack, runs: () => runs, ask };
  }

  test('what one process has cached and counted, another one knows', async () => {
    const [one, other] = [await service(), await service()];
    try {
      // Answers are stored behind the client's back, and not at all while the store is slow.
      let page = 0;
      do {
        expect((await one.ask(++page)).statusCode).toBe(200);
        await sleep(100);
      } while (page < 50 && (await client.keys('places:v1:value:cache*')).length === 0);
      const answer = await other.ask(page);
      expect(answer.headers['cache-status']).toContain('hit');
      expect(other.runs()).toBe(0);
      const [limit, ...others] = await client.keys('places:v1:sliding:rate-limit:*');
      expect(others).toEqual([]);
      const slices = (await client.hvals(limit!)).map(Number);
      expect(slices.reduce((sum, count) => sum + count, 0)).toBe(page + 1);
    } finally {
      await one.stack.close();
      await other.stack.close();
    }
  });

  test('is the first part, so that it closes last, and one for all', async () => {
    const parts = (await standard(configured())).flat() as Component[];
    expect(parts.filter(({ name }) => name === 'redis')).toHaveLength(1);
    expect(parts[0]!.name).toBe('redis');
    for (const part of parts.toReversed()) await part.close?.();
  });

  test('is none where the configuration has no address, and left alone where there is a store', async () => {
    const config = configured();
    const alone = await standard({
      isEnabled: (name) => name === 'cache',
      options: (name) => (name === 'redis' ? {} : config.options(name)),
    });
    expect((alone.flat() as Component[]).map(({ name }) => name)).toEqual(['cache']);
    const store = memoryStore();
    const given = await standard({
      store,
      isEnabled: (name) => name === 'cache',
      options: (name) => config.options(name),
    });
    expect((given.flat() as Component[]).map(({ name }) => name)).toEqual(['cache']);
  });
});
