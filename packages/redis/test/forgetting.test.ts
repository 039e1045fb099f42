/** What caches do once Redis has forgotten an invalidation that it had acknowledged. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { cache } from '@org/cache';
import type { Given } from '@org/core';
import { serve } from '@org/core/testing';
import { redisStore, type RedisStoreOptions } from '@org/redis';
import express from 'express';
import { Redis } from 'ioredis';
import { startRedis, withRedis } from 'test-servers/redis';
import { type RedisClusterNode, startRedisCluster } from 'test-servers/redis-cluster';

import { slotOf } from '../src/key-slot.ts';

/** Waits until something is so; that it never is fails the test. */
async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  for (;;) {
    if (await isTrue()) return;
    if (performance.now() > giveUpAt) throw new Error('It does not come true.');
    await sleep(20);
  }
}

/** The key of the version of the tag `places`. */
const VERSION = 'cache:hard:#places';

withRedis('caches over a Redis that has forgotten an invalidation', () => {
  let truth: string;
  let made: (() => Promise<unknown>)[];
  beforeEach(() => {
    truth = 'old';
    made = [];
  });
  afterEach(async () => {
    for (const undo of made.toReversed()) await undo();
  });

  /** A process of a service that answers what is true when it is asked. */
  async function service(address: Given<RedisStoreOptions>) {
    const store = redisStore({ ...address, timeoutMs: 5000 });
    const cached = cache({ store, ttlMs: 3_600_000, storeTimeoutMs: 5000 });
    made.push(() => store.close());
    const app = express();
    app.use(cached);
    app.use((_req, res) => {
      cached.tag(res, 'places');
      res.send(truth);
    });
    await store.start();
    await cached.start!();
    const served = await serve(app);
    made.push(async () => {
      await served.close();
      await cached.close!();
    });
    const { port } = new URL(served.url);
    // All are the same service to their clients, by one name.
    const headers = { host: 'places.example' };
    const ask = async (path: string): Promise<string> => {
      const [answer] = (await once(get({ port, path, headers }), 'response')) as [IncomingMessage];
      return Buffer.concat(await answer.toArray()).toString();
    };
    const stores = async (path: string): Promise<boolean> => {
      await ask(path);
      return (await store.get(`cache:1:http://places.example${path}`)) !== undefined;
    };
    const answers = async (): Promise<boolean> => {
      try {
        return (await store.versions([VERSION])).length === 1;
      } catch {
        return false;
      }
    };
    return { cached, ask, stores, answers };
  }

  /**
   * Answers are stored, `saved` takes down what Redis will remember, they are invalidated, and
   * Redis goes back to what was taken down.
   */
  async function forget(
    address: Given<RedisStoreOptions>,
    saved: () => Promise<unknown>,
    lost: () => Promise<unknown>,
  ) {
    const first = await service(address);
    for (const path of ['/knew', '/heard', '/then', '/later'])
      await until(() => first.stores(path));
    const [knew, heard] = [await service(address), await service(address)];
    expect(await heard.ask('/then')).toBe('old');
    await saved();
    truth = 'new';
    await knew.cached.invalidate({ tags: ['places'] });
    await until(async () => (await heard.ask('/then')) === 'new');
    await lost();
    await until(async () => (await knew.answers()) && (await heard.answers()));
    return { knew, heard };
  }

  /** What is answered by who knew of the invalidation, by who heard of it, and in the end by another. */
  async function answered(
    address: Given<RedisStoreOptions>,
    { knew, heard }: Awaited<ReturnType<typeof forget>>,
  ): Promise<readonly string[]> {
    const answers = [await knew.ask('/knew'), await heard.ask('/heard')];
    const other = await service(address);
    await until(async () => (await other.ask('/later')) === 'new');
    return [...answers, await other.ask('/later')];
  }

  test('with its master, before the replica had it', async () => {
    const cluster = await startRedisCluster();
    made.push(() => cluster.stop());
    const address = { nodes: cluster.addresses };
    const clients = cluster.nodes.map(({ port }) => new Redis(port, '127.0.0.1'));
    for (const client of clients) client.on('error', () => undefined);
    made.push(async () => clients.forEach((client) => client.disconnect()));
    const third = Math.floor(slotOf(`org:v1:tag:${VERSION}`) / (16_384 / 3));
    const [master, replica] = [cluster.nodes[third], cluster.nodes[third + 3]] as [
      RedisClusterNode,
      RedisClusterNode,
    ];
    const [ofMaster, ofReplica] = [clients[third]!, clients[third + 3]!];

    const both = await forget(
      address,
      async () => {
        await until(async () => {
          const [, offset, [[, , acknowledged]]] = (await ofMaster.role()) as unknown as [
            string,
            number,
            [[string, string, string]],
          ];
          return Number(acknowledged) === offset;
        });
        replica.pause();
        // What it has been sent is with it, even though it has not read it yet.
        await ofMaster.client('KILL', 'TYPE', 'REPLICA');
      },
      async () => {
        await master.crash();
        replica.resume();
        await ofReplica.cluster('FAILOVER', 'FORCE');
        await cluster.settled();
      },
    );
    expect(await answered(address, both)).toEqual(['new', 'new', 'new']);
  });

  test('restarted from what it had written down before', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'test-redis-'));
    const server = await startRedis(['--dir', folder]);
    made.push(async () => {
      await server.crash();
      rmSync(folder, { recursive: true, force: true });
    });
    const address = { url: `redis://127.0.0.1:${server.port}` };
    const both = await forget(
      address,
      async () => {
        const client = new Redis(server.port, '127.0.0.1');
        await client.save();
        client.disconnect();
      },
      async () => {
        await server.crash();
        await server.restart();
      },
    );
    expect(await answered(address, both)).toEqual(['new', 'new', 'new']);
  });
});
