/** What the store does while a node of its cluster dies or hangs, and another one takes its place. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import type { BusMessage } from '@org/core';
import { redisStore, type RedisStore, type RedisStoreOptions } from '@org/redis';
import { Cluster, Redis } from 'ioredis';
import { withRedis } from 'test-servers/redis';
import { type RedisCluster, startRedisCluster } from 'test-servers/redis-cluster';

import { slotOf } from '../src/key-slot.ts';
import { nodesOf } from '../src/nodes.ts';
import { resolveStoreOptions } from '../src/options.ts';

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 50_000;
  for (;;) {
    if (await isTrue()) return;
    if (performance.now() > giveUpAt) throw new Error('It does not come true.');
    await sleep(10);
  }
}

async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

withRedis('the store on a cluster that fails', () => {
  let cluster: RedisCluster;
  let stores: RedisStore[] = [];

  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    stores = [];
  });
  afterAll(() => cluster.stop());

  const started = async (options: Partial<RedisStoreOptions> = {}): Promise<RedisStore> => {
    const store = redisStore({ nodes: cluster.addresses, ...options });
    stores.push(store);
    await store.start();
    return store;
  };

  /** A key for each third of the slots, which each master began with. */
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].reduce<string[]>((found, key) => {
    const third = Math.floor(slotOf(`org:v1:value:${key}`) / (16_384 / 3));
    found[third] ??= key;
    return found;
  }, []);
  /** How calls to each third end; those to `failing` are not waited for. */
  const codes = (store: RedisStore, failing?: number): Promise<string[]> =>
    Promise.all(
      keys.map((key, at) => {
        const limit = { timeoutMs: at === failing ? 200 : 20_000 };
        return codeOf(() => store.set(key, Buffer.from('value'), 60_000, limit));
      }),
    );

  test('finds the slot of a key as the server does', async () => {
    const client = new Redis(cluster.nodes[0]!.port, '127.0.0.1');
    try {
      for (const key of [
        '',
        'a',
        'org:v1:value:a',
        '{tag}:x',
        'x{}y',
        '{}',
        'a{b}{c}',
        'ключ',
        'a{ö}',
        'open{',
        '}{a}',
      ]) {
        expect([key, slotOf(key)]).toEqual([key, await client.cluster('KEYSLOT', key)]);
      }
    } finally {
      client.disconnect();
    }
  });

  test('finds the node of a key to which a client of the user puts a prefix', async () => {
    const client = new Cluster([cluster.addresses[0]!], { keyPrefix: 'theirs:' });
    await once(client, 'ready');
    const nodes = nodesOf(client, {
      ...resolveStoreOptions({ client }),
      onAway: () => undefined,
      onBack: () => undefined,
    });
    const masterOfSlot = (slot: number): string => client.slots[slot]![0]!;
    const key = keys.find(
      (one) => masterOfSlot(slotOf(one)) !== masterOfSlot(slotOf(`theirs:${one}`)),
    )!;
    nodes.breakerOf(key);
    expect([...nodes.all().keys()]).toEqual([masterOfSlot(slotOf(`theirs:${key}`))]);
    nodes.dispose();
    client.disconnect();
  });

  test('answers for many tags at once, wherever they are', async () => {
    const store = await started({ timeoutMs: 5000 });
    const tags = Array.from({ length: 40 }, (_, at) => `tag-${at}`);
    const before = await store.versions(tags);
    const bumped = await store.bump(tags);
    expect(bumped.every((version, at) => version > before[at]!)).toBe(true);
    expect(await store.versions(tags)).toEqual(bumped);
  });

  test('lets a user in who may do what the store does and no more', async () => {
    const rules = '+@read +@write +@connection +@pubsub +@scripting +time +info +cluster';
    const user = ['service', 'on', '>s3cret', ...rules.split(' '), '~org:*', '&org:*'];
    for (const { port } of cluster.nodes) {
      const client = new Redis(port, '127.0.0.1');
      await client.call('acl', 'setuser', ...user);
      client.disconnect();
    }
    for (const bus of ['pubsub', 'stream'] as const) {
      const named = { username: 'service', password: 's3cret' };
      const store = await started({ timeoutMs: 5000, bus, ...named });
      const heard: BusMessage[] = [];
      await store.subscribe(bus, (message) => heard.push(message));
      await store.publish(bus, Buffer.from('message'));
      await until(() => heard.length === 1);
      expect((await store.add(bus, 1, 5000)).value).toBe(1);
      expect(await store.bump(['a', 'b', 'c'])).toHaveLength(3);
    }
  });

  test.each(['crashes', 'hangs'] as const)(
    'a master that %s is answered for by its replica; the others answer all the while',
    async (how) => {
      await cluster.settled();
      const store = await started({ breakerFailures: 3, breakerOpenMs: 100 });
      await until(async () => (await codes(store)).every((code) => code === 'none'));
      const heard: BusMessage[] = [];
      await store.subscribe('failover', (message) => heard.push(message), { timeoutMs: 5000 });

      const { victim, third } = await masterOf(cluster, keys[0]!);
      if (how === 'hangs') victim.pause();
      else await victim.crash();
      const during: string[][] = [];
      await until(async () => {
        during.push(await codes(store, third));
        await sleep(10);
        return during.length > 3 && during.at(-1)!.every((code) => code === 'none');
      });
      // The breaker of the node refuses before the cluster has noticed.
      const refused = during.some((all) => all[third] === 'ERR_STORE_UNAVAILABLE');
      expect(refused).toBe(true);
      // Of a node that has gone, too, it is counted.
      expect(Number(store.stats()['breakerOpenedTotal'])).toBeGreaterThan(0);
      const others = during.flatMap((all) => all.filter((_, at) => at !== third));
      expect(new Set(others)).toEqual(new Set(['none']));

      await until(async () => {
        await codeOf(() => store.publish('failover', Buffer.from('after')));
        return heard.length > 0;
      });
      if (how === 'hangs') victim.resume();
      else await victim.restart();
      await cluster.settled();
      await until(async () => (await codes(store)).every((code) => code === 'none'));
      await until(async () => (await store.health(AbortSignal.timeout(1000))).status === 'pass');
    },
  );
});

/** The node that is master for a key's slot now, and which third of the slots that is. */
async function masterOf(cluster: RedisCluster, key: string) {
  const client = new Redis(cluster.nodes[1]!.port, '127.0.0.1');
  const slots = (await client.call('cluster', 'slots')) as [number, number, [string, number]][];
  client.disconnect();
  const slot = slotOf(`org:v1:value:${key}`);
  const [, , [, port]] = slots.find(([first, last]) => first <= slot && slot <= last)!;
  return {
    victim: cluster.nodes.find((node) => node.port === port)!,
    third: Math.floor(slot / (16_384 / 3)),
  };
}
