/** What can happen to Redis: each fault brings the server, or the cluster, that it happens to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Given } from '@org/core';
import type { RedisStoreOptions } from '@org/redis';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from 'test-servers/redis';
import { startRedisCluster } from 'test-servers/redis-cluster';
import { startSlowProxy } from 'test-servers/slow-proxy';

import type { Dice } from './dice.ts';

/** A server, and the fault that it is about to have. */
export interface Scene {
  /** What stores are told of where it is. */
  readonly address: Given<RedisStoreOptions>;
  /** Brings the fault about; answers what was drawn for it. */
  strike(): Promise<string>;
  /** Ends it. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

export interface Fault {
  readonly name: string;
  /** While it lasts nothing is answered, by any server. */
  readonly isAway: boolean;
  /** Redis still has all that it has acknowledged. */
  readonly remembers: boolean;
  prepare(dice: Dice): Promise<Scene>;
}

const urlOf = (port: number): string => `redis://127.0.0.1:${port}`;
const nothing = async (): Promise<void> => undefined;

/** A server, and the folder that it writes to. */
export interface OwnRedis extends RedisServer {
  remove(): Promise<void>;
}

/** Starts a server that writes down what it acknowledges. */
export async function startDurableRedis(
  fsync: 'always' | 'everysec' = 'always',
): Promise<OwnRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'faults-redis-'));
  const persistence = ['--dir', folder, '--appendonly', 'yes', '--appendfsync', fsync];
  const server = await startRedis(persistence);
  return Object.assign(server, {
    async remove() {
      await server.crash();
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

const kill: Fault = {
  name: 'killed',
  isAway: true,
  remembers: true,
  async prepare() {
    const server = await startDurableRedis();
    return {
      ...at(server),
      async strike() {
        await server.crash();
        return 'SIGKILL; every write is synced';
      },
      heal: () => server.restart(),
      close: () => server.remove(),
    };
  },
};

const pause: Fault = {
  name: 'hanging',
  isAway: true,
  remembers: true,
  async prepare() {
    const server = await startRedis();
    return {
      ...at(server),
      async strike() {
        server.pause();
        return 'SIGSTOP';
      },
      async heal() {
        server.resume();
      },
      close: () => server.crash(),
    };
  },
};

const empty: Fault = {
  name: 'restarted empty',
  isAway: false,
  remembers: false,
  async prepare() {
    const server = await startRedis();
    return {
      ...at(server),
      async strike() {
        await server.crash();
        await server.restart();
        return 'SIGKILL, and back without its memory';
      },
      heal: nothing,
      close: () => server.crash(),
    };
  },
};

const flush: Fault = {
  name: 'flushed',
  isAway: false,
  remembers: false,
  async prepare() {
    const server = await startRedis();
    return {
      ...at(server),
      async strike() {
        const client = new Redis(server.port);
        await client.flushall();
        client.disconnect();
        return 'FLUSHALL';
      },
      heal: nothing,
      close: () => server.crash(),
    };
  },
};

const slow: Fault = {
  name: 'far away',
  isAway: false,
  remembers: true,
  async prepare(dice) {
    const server = await startRedis();
    const proxy = await startSlowProxy(server.port, dice.between(1, 1_000_000));
    const url = urlOf(proxy.port);
    return {
      address: { url },
      async strike() {
        proxy.delayMs = dice.between(10, 100);
        proxy.dropRatio = dice.between(1, 4) / 100;
        return `${proxy.delayMs} ms each way, ${proxy.dropRatio * 100}% of pieces cut the connection`;
      },
      async heal() {
        proxy.delayMs = 0;
        proxy.dropRatio = 0;
      },
      async close() {
        await proxy.close();
        await server.crash();
      },
    };
  },
};

const failover: Fault = {
  name: 'failing over',
  isAway: false,
  remembers: false,
  async prepare(dice) {
    const cluster = await startRedisCluster();
    const lost = dice.pick(cluster.nodes.slice(0, 3));
    return {
      address: { nodes: cluster.addresses, cluster: true },
      async strike() {
        await lost.crash();
        return `SIGKILL of master ${cluster.nodes.indexOf(lost) + 1} of 3`;
      },
      async heal() {
        await cluster.settled();
        await lost.restart();
      },
      close: () => cluster.stop(),
    };
  },
};

export const FAULTS: readonly Fault[] = Object.freeze([kill, pause, empty, failover, slow, flush]);

function at({ port }: RedisServer): Pick<Scene, 'address'> {
  return { address: { url: urlOf(port) } };
}
