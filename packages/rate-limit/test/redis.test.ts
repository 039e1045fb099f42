/** Limits over a real Redis, through `rate-limiter-flexible`: shared, paused, killed, and back. */
import express from 'express';
import { serve, type Served } from '@org/core/testing';
import { flexible, type RateLimit, rateLimit } from '@org/rate-limit';
import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { type RedisServer, startRedis, withRedis } from 'test-servers/redis';

withRedis('a limit over a real one', () => {
  describe('over a Redis server', () => {
    let redis: RedisServer;
    let clients: Redis[];
    let served: Served[];

    beforeEach(async () => {
      redis = await startRedis();
      [clients, served] = [[], []];
    });
    afterEach(async () => {
      for (const one of served) await one.close();
      redis.resume();
      for (const client of clients) client.disconnect();
      await redis.crash();
    });

    /** A process' worth: a limiter with a connection of its own, behind a server. */
    async function start(
      limit: number,
      storeTimeoutMs?: number,
    ): Promise<{ made: RateLimit; url: string }> {
      const client = new Redis({ host: '127.0.0.1', port: redis.port });
      // What it does about a lost connection is its own; it says so for every attempt.
      client.on('error', () => undefined);
      clients.push(client);
      const counters = new RateLimiterRedis({
        storeClient: client,
        points: 1,
        duration: 1,
        keyPrefix: '',
      });
      const made = rateLimit({
        limit,
        windowMs: 600_000,
        store: flexible(counters),
        storeTimeoutMs,
      });
      const app = express();
      app.use(made);
      app.get('/', (_req, res) => void res.send('fine'));
      const one = await serve(app);
      served.push(one);
      return { made, url: one.url };
    }

    async function statuses(url: string, count: number): Promise<number[]> {
      const all: number[] = [];
      for (let at = 0; at < count; at++) all.push((await fetch(url)).status);
      return all;
    }

    async function until(isSo: () => boolean, meanwhile: () => Promise<unknown>): Promise<void> {
      const endMs = performance.now() + 20_000;
      while (!isSo() && performance.now() < endMs) {
        await meanwhile();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(isSo()).toBe(true);
    }

    test('one limit holds over two processes', async () => {
      const [one, other] = [await start(10, 5000), await start(10, 5000)];
      expect(await statuses(one.url, 6)).toEqual(Array.from({ length: 6 }, () => 200));
      expect(await statuses(other.url, 5)).toEqual([200, 200, 200, 200, 429]);
      expect((await fetch(one.url)).headers.get('ratelimit')).toMatch(/^"default";r=0;t=\d+$/);
      await one.made.reset('127.0.0.1');
      expect(await statuses(one.url, 3)).toEqual([200, 200, 200]);
      expect(one.made.stats!()).toMatchObject({ store: 'there', storeErrorsTotal: 0 });
    });

    test.each(['paused', 'killed'])(
      '%s, it costs nobody an error, and counts again once it is back',
      async (how) => {
        const { made, url } = await start(1000);
        expect(await statuses(url, 3)).toEqual([200, 200, 200]);
        if (how === 'paused') redis.pause();
        else await redis.crash();
        const during = await Promise.all(Array.from({ length: 10 }, () => statuses(url, 5)));
        expect(new Set(during.flat())).toEqual(new Set([200]));
        expect(made.stats!()).toMatchObject({ store: 'away' });
        if (how === 'paused') redis.resume();
        else await redis.restart();
        await until(
          () => made.stats!()['store'] === 'there',
          () => fetch(url),
        );
        expect((await made.consume('somebody')).degraded).toBe(false);
      },
    );
  });
});
