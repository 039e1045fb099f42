/**
 * What the queue of a task, its worker and its events are connected by. A queue does not wait for a
 * server that is away, for requests wait for it; a worker does, to tell what has become of a job.
 */
import type { ClusterOptions, Cluster as IoredisCluster } from 'ioredis';

import { systemClock } from '@org/core';
import type { BullmqSettings } from './options.ts';
import type { ClusterServer } from './server.ts';

export interface Connections {
  readonly queue: ConnectionOptions;
  readonly worker: ConnectionOptions;
  /** Asks who has what: the master of a cluster that hangs is replaced without a word. */
  refresh(): void;
  /** Before BullMQ ends: nothing is connected anew from now on. */
  seal(): void;
  /** Ends what BullMQ has left open. */
  end(): void;
}

interface ConnectionOptions {
  readonly prefix: string;
  readonly connection: object;
}

/** Makes the connections of a task. */
export type Connect = (task: string) => Connections;

/** Connections to Postgres of each queue and of each worker. */
const PG_CONNECTIONS = 4;
/** How long nothing may come through a connection to Redis that something is asked of, in ms: BullMQ has it wait for a job for at most 10 s. */
const SILENT_MS = 15_000;
/** The longest wait before a connection is tried again, in ms. */
const RETRY_MS = 1000;
/** So often a connection is tried again until what waits for it is given up: nobody waits for longer than `timeoutMs`. */
const RETRIES = 10;
/** The longest that it may take to ask a node who has what, in ms. */
const SLOTS_MS = 2000;
/** So often what a worker says is sent again while nobody has its slot, every 100 ms: until after a failover. */
const REDIRECTIONS = 300;
/** How long a connection may take to end, in ms: ioredis gives it 2 s. */
const END_MS = 3000;

/** Loads what it takes, once for all tasks. */
export async function connector({ server, prefix, schema }: BullmqSettings): Promise<Connect> {
  if (server.kind === 'cluster') return clusterConnector(server, prefix);
  if (server.kind === 'postgres') {
    const connection = { connectionString: server.url, schema, max: PG_CONNECTIONS, migrate: true };
    return connectorOf({ prefix, connection }, { prefix, connection });
  }
  const connection = { url: server.url, socketTimeout: SILENT_MS, retryStrategy: retryMs };
  return connectorOf(
    { prefix, connection: { ...connection, maxRetriesPerRequest: RETRIES } },
    { prefix, connection: { ...connection, maxRetriesPerRequest: null } },
  );
}

function connectorOf(queue: ConnectionOptions, worker: ConnectionOptions): Connect {
  const nothing = (): void => undefined;
  return () => ({ queue, worker, refresh: nothing, seal: nothing, end: nothing });
}

async function clusterConnector(server: ClusterServer, prefix: string): Promise<Connect> {
  const { Cluster } = await import('ioredis');
  const { nodes, username, password, isSecure } = server;
  const redisOptions = {
    maxRetriesPerRequest: null,
    socketTimeout: SILENT_MS,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isSecure ? { tls: {} } : {}),
  };
  /** Its duplicates, which BullMQ makes, are ours to end as well. */
  const clientOf = (all: IoredisCluster[], options: ClusterOptions): IoredisCluster => {
    const client = new Cluster([...nodes], {
      ...options,
      redisOptions,
      clusterRetryStrategy: retryMs,
      slotsRefreshTimeout: SLOTS_MS,
      // A certificate names hosts, not the addresses behind them.
      dnsLookup: (address, callback) => callback(null, address),
    });
    // BullMQ does not listen any more once it has ended.
    client.on('error', () => undefined);
    client.duplicate = (...given) => {
      const copy = Cluster.prototype.duplicate.apply(client, given);
      copy.on('error', () => undefined);
      copy.connect = connectOnce(copy, Cluster.prototype.connect);
      all.push(copy);
      return copy;
    };
    all.push(client);
    return client;
  };
  return (task) => {
    // A script of BullMQ works on many keys of one queue: their tag has one server have them all.
    const tagged = `{${prefix}:${task}}`;
    const all: IoredisCluster[] = [];
    const queue = clientOf(all, { enableOfflineQueue: false });
    let worker: IoredisCluster | undefined;
    return {
      queue: { prefix: tagged, connection: queue },
      get worker() {
        worker ??= clientOf(all, { maxRedirections: REDIRECTIONS });
        return { prefix: tagged, connection: worker };
      },
      refresh: () => queue.refreshSlotsCache(),
      seal() {
        // A worker of BullMQ whose connection is ended, to end the worker, takes it for lost, and
        // connects again: then neither ends.
        for (const client of all) client.connect = async () => undefined;
      },
      end() {
        for (const client of all) {
          client.disconnect();
          if (client.status === 'end') continue;
          // One that had no node at the moment does not tell that it ends, and BullMQ would wait for it.
          client.status = 'end';
          client.emit('end');
        }
      },
    };
  };
}

/**
 * Connects one that may be on its way out. Two parts of BullMQ do so at once, each after it has
 * disconnected it: a worker whose server hangs, and its connection that has lost its nodes. Then
 * the end of the one would be taken for that of the other, and the worker would never go on.
 */
function connectOnce(client: IoredisCluster, connect: IoredisCluster['connect']) {
  let connecting: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    if (['disconnecting', 'close'].includes(client.status)) {
      await new Promise<void>((resolve) => {
        const cancel = systemClock.after(END_MS, resolve);
        client.once('end', () => {
          cancel();
          resolve();
        });
      });
    }
    if (!['connecting', 'connect', 'ready'].includes(client.status)) await connect.call(client);
  };
  return (): Promise<void> =>
    (connecting ??= begin().finally(() => {
      connecting = undefined;
    }));
}

function retryMs(attempts: number): number {
  return Math.min(RETRY_MS, 50 * 2 ** (attempts - 1));
}
