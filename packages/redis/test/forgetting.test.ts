/** What caches and subscribers do once Redis has forgotten what it had acknowledged. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { cache } from '@org/cache';
import type { BusMessage, Given } from '@org/core';
import { serve } from '@org/core/testing';
import { redisStore, type RedisStoreOptions } from '@org/redis';
import express from 'express';
import { Redis } from 'ioredis';
import { startRedis, withRedis } from 'test-servers/redis';
import {
  type RedisCluster,
  type RedisClusterNode,
  startRedisCluster,
} from 'test-servers/redis-cluster';

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

/** Whether a call works, thrown or rejected. */
async function works(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch {
    return false;
  }
}

/** How Redis comes to forget. */
interface Scene {
  readonly address: Given<RedisStoreOptions>;
  /** What it has been told by now it will remember. */
  save(): Promise<void>;
  /** It goes on with that, and with nothing that it has been told since. */
  forget(): Promise<void>;
}

withRedis('a Redis that forgets', () => {
  let made: (() => Promise<unknown>)[];
  beforeEach(() => {
    made = [];
  });
  afterEach(async () => {
    for (const undo of made.toReversed()) await undo();
  });

  const clientOf = (port: number): Redis => {
    const client = new Redis(port, '127.0.0.1');
    client.on('error', () => undefined);
    made.push(async () => client.disconnect());
    return client;
  };

  /** The cluster, and the nodes that have a key. */
  async function clusterOf(key: string) {
    const cluster: RedisCluster = await startRedisCluster();
    made.push(() => cluster.stop());
    const third = Math.floor(slotOf(key) / (16_384 / 3));
    const [master, replica] = [cluster.nodes[third], cluster.nodes[third + 3]] as [
      RedisClusterNode,
      RedisClusterNode,
    ];
    return { cluster, master, replica };
  }

  const WAYS: readonly (readonly [string, (key: string) => Promise<Scene>])[] = [
    [
      'fails over before the replica had it',
      async (key) => {
        const { cluster, master, replica } = await clusterOf(key);
        const [ofMaster, ofReplica] = [clientOf(master.port), clientOf(replica.port)];
        return {
          address: { nodes: cluster.addresses },
          async save() {
            await until(async () => {
              const [, offset, replicas] = (await ofMaster.role()) as [string, number, string[][]];
              return replicas[0]?.[2] === String(offset);
            });
            replica.pause();
            // What it has been sent is with it, even though it has not read it yet.
            await ofMaster.client('KILL', 'TYPE', 'REPLICA');
          },
          async forget() {
            await master.crash();
            replica.resume();
            await ofReplica.cluster('FAILOVER', 'FORCE');
            await cluster.settled();
          },
        };
      },
    ],
    [
      'restarts from what it had written down before',
      async () => {
        const folder = mkdtempSync(join(tmpdir(), 'test-redis-'));
        const server = await startRedis(['--dir', folder]);
        made.push(async () => {
          await server.crash();
          rmSync(folder, { recursive: true, force: true });
        });
        return {
          address: { url: `redis://127.0.0.1:${server.port}` },
          save: async () => void (await clientOf(server.port).save()),
          async forget() {
            await server.crash();
            await server.restart();
          },
        };
      },
    ],
    [
      'restarts, as a node of a cluster, from what it had written down before',
      async (key) => {
        const { cluster, master } = await clusterOf(key);
        return {
          address: { nodes: cluster.addresses },
          save: async () => void (await clientOf(master.port).save()),
          async forget() {
            await master.crash();
            await master.restart();
            await cluster.settled();
          },
        };
      },
    ],
  ];

  /** A process of a service that answers what is true when it is asked. */
  async function service(address: Given<RedisStoreOptions>, truth: () => string) {
    const store = redisStore({ ...address, timeoutMs: 5000 });
    const cached = cache({ store, ttlMs: 3_600_000, storeTimeoutMs: 5000 });
    made.push(() => store.close());
    const app = express();
    app.use(cached);
    app.use((_req, res) => {
      cached.tag(res, 'places');
      res.send(truth());
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
    return { store, cached, ask };
  }

  test.each(WAYS)('and %s serves nothing of what was invalidated', async (_how, prepare) => {
    const { address, save, forget } = await prepare('org:v1:tag:cache:hard:#places');
    let truth = 'old';
    const another = () => service(address, () => truth);
    const first = await another();
    for (const path of ['/knew', '/heard', '/then', '/later']) {
      await until(async () => {
        await first.ask(path);
        return (await first.store.get(`cache:1:http://places.example${path}`)) !== undefined;
      });
    }
    const [knew, heard] = [await another(), await another()];
    expect(await heard.ask('/then')).toBe('old');
    await save();
    truth = 'new';
    await knew.cached.invalidate({ tags: ['places'] });
    await until(async () => (await heard.ask('/then')) === 'new');
    await forget();
    for (const { store } of [knew, heard])
      await until(() => works(() => store.versions(['cache:hard:#places'])));
    expect(await knew.ask('/knew')).toBe('new');
    expect(await heard.ask('/heard')).toBe('new');
    // Who knew nothing of it is told.
    const other = await another();
    await until(async () => (await other.ask('/later')) === 'new');
  });

  describe.each(['pubsub', 'stream'] as const)('(%s)', (bus) => {
    test.each(WAYS)('and %s shows a gap to its subscribers', async (_how, prepare) => {
      const kind = bus === 'pubsub' ? 'sequence' : 'stream';
      const { address, save, forget } = await prepare(`org:v1:${kind}:channel`);
      const store = redisStore({ ...address, bus, timeoutMs: 5000 });
      made.push(() => store.close());
      await store.start();
      const heard = new Map<string, number>();
      await store.subscribe('channel', ({ data, sequence }: BusMessage) => {
        const text = Buffer.from(data).toString();
        if (!heard.has(text)) heard.set(text, sequence);
      });
      const publish = async (text: string): Promise<void> => {
        await until(() => works(() => store.publish('channel', Buffer.from(text))));
        await until(() => heard.has(text));
      };
      await publish('remembered');
      await save();
      await publish('forgotten');
      await forget();
      await until(async () => (await store.health(AbortSignal.timeout(1000))).status === 'pass');
      await publish('after');
      // It follows neither the one that is remembered nor the one that is not.
      expect(heard.get('after')! - heard.get('forgotten')!).toBeGreaterThan(1);
    });
  });
});
