/** What the store can be told, the defaults, and where that leads to. */
import type { ConnectionOptions } from 'node:tls';
import {
  boolean,
  bytes,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  either,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  OptionError,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';
import type { Cluster, Redis } from 'ioredis';

import { addressOf, type Endpoint, endpointOf, URL_FORMS } from './address.ts';

/** A client of ioredis. */
export type Client = Redis | Cluster;

export interface RedisStoreOptions {
  /** Names the component. @default "redis" */
  readonly name: string;
  /** `redis://`, `rediss://`, `redis+cluster://`, `rediss+cluster://` or `unix://`. @default none: say `url`, `nodes` or `client` */
  readonly url: string | undefined;
  /** Nodes of a cluster to begin with, as `host:port`; they tell of the others. @default that of `url` */
  readonly nodes: readonly string[] | undefined;
  /** Whether it is a cluster. @default where `nodes` are given, or the URL says so */
  readonly cluster: boolean | undefined;
  /** A client of yours. It stays yours: the store does not close it. @default one of the store's own */
  readonly client: Client | undefined;
  /** @default that of the URL */
  readonly username: string | undefined;
  /** @default that of the URL */
  readonly password: string | undefined;
  /** TLS, and what `tls.connect` is told. @default where the URL says so */
  readonly tls: boolean | ConnectionOptions | undefined;
  /** Number of the database; a cluster has only 0. @default that of the URL, or 0 */
  readonly database: number | undefined;
  /** What all keys and channels begin with; the version of the layout follows it. @default "org" */
  readonly keyPrefix: string;
  /** The longest that a call may take that brings no limit of its own, in ms. @default 100 */
  readonly timeoutMs: number;
  /** The longest that a connection may take to be made, in ms. @default 2000 */
  readonly connectTimeoutMs: number;
  /** Failures in a row after which calls are refused at once. @default 5 */
  readonly breakerFailures: number;
  /** How long until a probe finds out whether it works again, in ms; then again and again. @default 500 */
  readonly breakerOpenMs: number;
  /** The most calls that wait for Redis at once; further ones are refused. @default 10_000 */
  readonly maxInFlight: number;
  /** How long a tag is kept after it was made or moved on, and a channel after its last message, in ms. @default 7 days */
  readonly retentionMs: number;
  /** How messages travel: `pubsub` reaches who listens now, `stream` also who was cut off for a while. @default "pubsub" */
  readonly bus: 'pubsub' | 'stream';
  /** The most messages that a stream keeps, about. @default 10_000 */
  readonly streamMaxLength: number;
  /** The largest value and message, in bytes. @default 8 MiB */
  readonly maxValueBytes: number;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
  /** Source of randomness, from 0 to below 1: reconnecting is jittered. @default Math.random */
  readonly random: () => number;
}

export const REDIS_STORE_DEFAULTS: Readonly<RedisStoreOptions> = Object.freeze<RedisStoreOptions>({
  name: 'redis',
  url: undefined,
  nodes: undefined,
  cluster: undefined,
  client: undefined,
  username: undefined,
  password: undefined,
  tls: undefined,
  database: undefined,
  keyPrefix: 'org',
  timeoutMs: 100,
  connectTimeoutMs: 2000,
  breakerFailures: 5,
  breakerOpenMs: 500,
  maxInFlight: 10_000,
  retentionMs: 7 * 24 * 3_600_000,
  bus: 'pubsub',
  streamMaxLength: 10_000,
  maxValueBytes: 8 * 1024 * 1024,
  clock: systemClock,
  random: Math.random,
});

/** Anything: what is wrong with it is said without showing it. */
const secret: Check<string> = { expected: '', accepts: (_value): _value is string => true };

const CHECKS: Checks<RedisStoreOptions> = {
  name: text({ expected: 'a name', pattern: /^\S+$/ }),
  url: secret,
  nodes: listOf(text()),
  cluster: boolean(),
  client: shape<Client>('a client of ioredis', ['callBuffer', 'duplicate', 'disconnect', 'on']),
  username: secret,
  password: secret,
  tls: either(boolean(), shape<ConnectionOptions>('options of tls.connect', [])),
  database: integer({ min: 0 }),
  keyPrefix: text({ expected: 'a prefix without spaces', pattern: /^\S+$/ }),
  timeoutMs: durationMs({ min: 1 }),
  connectTimeoutMs: durationMs({ min: 1 }),
  breakerFailures: integer({ min: 1 }),
  breakerOpenMs: durationMs({ min: 1 }),
  maxInFlight: integer({ min: 1 }),
  retentionMs: durationMs({ min: 1000 }),
  bus: oneOf('pubsub', 'stream'),
  streamMaxLength: integer({ min: 1 }),
  maxValueBytes: bytes({ min: 1, max: 512 * 1024 * 1024 }),
  clock: clockCheck,
  random: func(),
};

/** Where a store connects to; what `client` brings is not in it. */
export interface Target {
  readonly cluster: boolean;
  readonly endpoints: readonly Endpoint[];
  readonly path: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: ConnectionOptions | undefined;
  readonly database: number;
}

export interface Settings extends RedisStoreOptions {
  /** Nothing where the client is the user's. */
  readonly target: Target | undefined;
}

/** The options to work with. @throws OptionError for unknown or wrong options; it shows no credentials */
export function resolveStoreOptions(options: Given<RedisStoreOptions> | undefined): Settings {
  const resolved = resolveOptions('redisStore', REDIS_STORE_DEFAULTS, CHECKS, options);
  const problems: string[] = [];
  const target = targetOf(resolved, problems);
  if (problems.length > 0) throw new OptionError('redisStore', problems);
  return Object.freeze({ ...resolved, target });
}

function targetOf(options: RedisStoreOptions, problems: string[]): Target | undefined {
  const { client, url, nodes, cluster, username, password, tls, database } = options;
  for (const name of ['url', 'username', 'password'] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== 'string') {
      problems.push(`option "${name}" must be a string.`);
      return undefined;
    }
  }
  if (client !== undefined) {
    const own = [url, nodes, cluster, username, password, tls, database];
    if (own.some((value) => value !== undefined)) {
      problems.push(
        'option "client" knows where Redis is: leave "url", "nodes", "cluster", "username", "password", "tls" and "database" out.',
      );
    }
    if (client.options.enableAutoPipelining === true) {
      problems.push(
        'option "client" has enableAutoPipelining, with which ioredis misreads the calls of the store: give it client.duplicate({ enableAutoPipelining: false }).',
      );
    }
    return undefined;
  }
  if (url === undefined && (nodes === undefined || nodes.length === 0)) {
    problems.push(
      `option "url" is needed, and begins with ${URL_FORMS} (REDIS_URL); or say "nodes" of a cluster, or "client".`,
    );
    return undefined;
  }
  const address = url === undefined ? undefined : addressOf(url);
  if (typeof address === 'string') {
    problems.push(`option "url" ${address}.`);
    return undefined;
  }
  const others = (nodes ?? []).map((node, at) => {
    const endpoint = endpointOf(node);
    if (endpoint === undefined) {
      // A URL may have a password in it.
      const shown = /[@/]/.test(node) ? 'a URL' : JSON.stringify(node);
      problems.push(`option "nodes[${at}]" must be host:port, but is ${shown}.`);
    }
    return endpoint!;
  });
  const isCluster = cluster ?? (address?.cluster === true || nodes !== undefined);
  if (isCluster && address?.path !== undefined) {
    problems.push('option "cluster" needs addresses of nodes, not a Unix socket.');
  }
  const number = database ?? address?.database ?? 0;
  if (isCluster && number !== 0) {
    problems.push(`option "database" must be 0 in a cluster, but is ${number}.`);
  }
  if (!isCluster && nodes !== undefined) {
    problems.push('option "nodes" is of a cluster: leave "cluster" out, or say "url".');
  }
  const secured = tls ?? address?.tls ?? false;
  return {
    cluster: isCluster,
    endpoints: [...(address?.endpoint === undefined ? [] : [address.endpoint]), ...others],
    path: address?.path,
    username: username ?? address?.username,
    password: password ?? address?.password,
    tls: secured === true ? {} : secured === false ? undefined : secured,
    database: number,
  };
}
