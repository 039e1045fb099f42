/** A Redis Cluster of one test: three masters and a replica of each, on free ports, in folders of their own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

import type { ChildServer } from './child-server.ts';
import { freePort } from './free-port.ts';
import { launch } from './redis.ts';

export interface RedisClusterNode extends ChildServer {
  readonly port: number;
  /** Starts it again where it was: it knows its place in the cluster. */
  restart(): Promise<void>;
}

export interface RedisCluster {
  /** The first three began as masters, the others as their replicas, in the same order. */
  readonly nodes: readonly RedisClusterNode[];
  /** Addresses as `host:port`. */
  readonly addresses: readonly string[];
  /** Waits until the cluster answers for all slots, as each living node sees it. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const MASTERS = 3;
const SLOTS = 16_384;
/** How long until a node that does not answer is taken for dead, in ms. */
const NODE_TIMEOUT_MS = 2000;
const PATIENCE_MS = 45_000;
/** A node that is asked how it is may be paused; one that is told what to do may be slow. */
const ASKING_MS = 1000;
const TELLING_MS = 15_000;

export async function startRedisCluster(): Promise<RedisCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'test-redis-cluster-'));
  const ports: Ports[] = [];
  for (let at = 0; at < MASTERS * 2; at++) {
    ports.push({ port: await freePort(), bus: await freePort() });
  }
  const starting = await Promise.allSettled(ports.map((one) => startNode(one, folder)));
  const nodes = starting.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.crash()));
    rmSync(folder, { recursive: true, force: true });
  };
  const settled = (): Promise<void> => asked(ports, ASKING_MS, isSettled);
  try {
    for (const one of starting) if (one.status === 'rejected') throw one.reason;
    await asked(ports, TELLING_MS, async (clients) => {
      await introduce(clients, ports);
      await replicate(clients);
    });
    await settled();
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, addresses: ports.map(({ port }) => `${HOST}:${port}`), settled, stop };
}

interface Ports {
  readonly port: number;
  /** Nodes speak to each other through this one. */
  readonly bus: number;
}

async function startNode({ port, bus }: Ports, folder: string): Promise<RedisClusterNode> {
  const settings = {
    port,
    'cluster-port': bus,
    bind: HOST,
    save: '',
    appendonly: 'no',
    'repl-diskless-sync-delay': 0,
    'cluster-enabled': 'yes',
    'cluster-config-file': `nodes-${port}.conf`,
    'cluster-node-timeout': NODE_TIMEOUT_MS,
    'cluster-replica-validity-factor': 0,
    'cluster-require-full-coverage': 'no',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  let server = await launch(args, folder);
  return {
    port,
    pause: () => server.pause(),
    resume: () => server.resume(),
    crash: () => server.crash(),
    async restart() {
      server = await launch(args, folder);
    },
  };
}

/** Makes the nodes know each other, and gives each master its slots. */
async function introduce(clients: readonly Redis[], ports: readonly Ports[]): Promise<void> {
  const [first] = clients;
  for (const { port, bus } of ports.slice(1)) {
    await first!.call('cluster', 'meet', HOST, String(port), String(bus));
  }
  const share = Math.ceil(SLOTS / MASTERS);
  for (const [at, client] of clients.slice(0, MASTERS).entries()) {
    const last = Math.min(SLOTS, share * (at + 1)) - 1;
    await client.call('cluster', 'addslotsrange', String(share * at), String(last));
  }
  await until(async () => {
    const known = await Promise.all(clients.map((client) => infoOf(client)));
    return known.every((info) => info.get('cluster_known_nodes') === String(ports.length));
  });
}

async function replicate(clients: readonly Redis[]): Promise<void> {
  for (const [at, client] of clients.slice(MASTERS).entries()) {
    const master = String(await clients[at]!.call('cluster', 'myid'));
    // A node that has just been met may not know the master yet.
    await until(async () => {
      const answer = await client.call('cluster', 'replicate', master).catch(() => undefined);
      return answer === 'OK';
    });
  }
}

async function isSettled(clients: readonly Redis[]): Promise<void> {
  await until(async () => {
    const states = await Promise.all(clients.map((client) => stateOf(client)));
    return states.every((state) => state !== 'troubled') && states.includes('fine');
  });
}

/** How the cluster looks from a node; one that does not answer has nothing to say. */
async function stateOf(client: Redis): Promise<'fine' | 'troubled' | 'gone'> {
  try {
    const info = await infoOf(client);
    const slots = info.get('cluster_slots_ok') === String(SLOTS);
    const [role, , , link] = (await client.call('role')) as [string, ...unknown[]];
    const isLinked = role === 'master' || link === 'connected';
    return info.get('cluster_state') === 'ok' && slots && isLinked ? 'fine' : 'troubled';
  } catch {
    return 'gone';
  }
}

async function infoOf(client: Redis): Promise<Map<string, string>> {
  const info = String(await client.call('cluster', 'info'));
  return new Map(info.split('\r\n').map((line) => line.split(':', 2) as [string, string]));
}

/** Has every node asked directly. */
async function asked(
  ports: readonly Ports[],
  commandTimeout: number,
  work: (clients: readonly Redis[]) => Promise<void>,
): Promise<void> {
  const clients = ports.map(({ port }) => {
    const client = new Redis(port, HOST, {
      commandTimeout,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 100,
    });
    client.on('error', () => undefined);
    return client;
  });
  try {
    await work(clients);
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (performance.now() > giveUpAt) throw new Error('The cluster does not settle.');
    await sleep(50);
  }
}
