/**
 * Clients of ioredis that never make a call wait for a connection, never send one again that may
 * have been done already, and try to reconnect for ever.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis';

import { slotOf } from './key-slot.ts';
import type { Client, Settings, Target } from './options.ts';

/** The first wait before reconnecting, and the longest, in ms: each is jittered down to half. */
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;

/** How long a connection may take to end politely, in ms. */
const DISCONNECT_MS = 200;

/** How long to wait before the next attempt, of which there have been so many since it last worked, in ms. */
export function retryDelayMs(attempts: number, random: () => number): number {
  const longest = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 10));
  return Math.round(longest * (0.5 + random() / 2));
}

/** Whether a client is of a cluster, whichever copy of ioredis made it. */
export function isCluster(client: Client): client is Cluster {
  return 'nodes' in client;
}

/**
 * Makes the client that commands go through; it connects when it is told to.
 * @param retryMs how long to wait before the next attempt
 */
export function makeClient(settings: Settings, target: Target, retryMs: () => number): Client {
  if (!target.cluster) {
    return new Redis({
      ...commonOptions(settings, target),
      ...(target.path === undefined ? target.endpoints[0] : { path: target.path }),
      db: target.database,
      enableOfflineQueue: false,
      retryStrategy: retryMs,
      // A master that has become a replica: its name may stand for another server by now.
      reconnectOnError: ({ message }) => message.startsWith('READONLY'),
    });
  }
  return new Cluster([...target.endpoints], {
    redisOptions: commonOptions(settings, target),
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryMs,
    // What was sent may have been done: only what a node has refused is sent to another one.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: 4,
    slotsRefreshTimeout: settings.connectTimeoutMs,
    // A certificate names hosts, not the addresses behind them.
    dnsLookup: (address, callback) => callback(null, address),
  });
}

/** A connection of its own for a subscriber, to the server or to any node of the cluster. */
export function subscriberOf(client: Client, random: () => number): Redis | undefined {
  if (!isCluster(client)) return client.duplicate(ALONE);
  const nodes = client.nodes().filter(({ status }) => status === 'ready' || status === 'wait');
  return nodes[Math.floor(random() * nodes.length)]?.duplicate(ALONE);
}

/** A connection of its own for a reader of one key, to the server that has it. */
export function readerOf(client: Client, key: string): Redis | undefined {
  if (!isCluster(client)) return client.duplicate(ALONE);
  // Where this attempt fails, the next one finds whichever server has it by then: no call may ask for it.
  client.refreshSlotsCache();
  const master = client.slots[slotOf(key)]?.[0];
  return client
    .nodes()
    .find(({ options }) => `${options.host}:${options.port}` === master)
    ?.duplicate(ALONE);
}

/** Ends a connection that is alone. One that has ended already would keep the process for a while. */
export function endAlone(connection: Redis): void {
  if (connection.status !== 'end') connection.disconnect();
}

/** Whoever has such a connection makes another one once it is lost. */
const ALONE: RedisOptions = Object.freeze({
  keyPrefix: '',
  lazyConnect: true,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryStrategy: null,
  disconnectTimeout: DISCONNECT_MS,
  readOnly: false,
});

/** What every connection is told, those to the nodes of a cluster too. */
function commonOptions({ connectTimeoutMs }: Settings, target: Target) {
  return {
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    disconnectTimeout: DISCONNECT_MS,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.tls === undefined ? {} : { tls: target.tls }),
  };
}
