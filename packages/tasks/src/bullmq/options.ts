/** The options of BullMQ. */
import {
  boolean,
  durationMs,
  type Given,
  listOf,
  OptionError,
  resolveOptions,
  text,
} from '@org/core';

import { NODE, type Server, SERVER_URL, serverOf } from './server.ts';

/** What BullMQ is told. */
export interface BullmqOptions {
  /**
   * Redis (`redis:`, `rediss:`), a node of a Redis Cluster (`redis+cluster:`, `rediss+cluster:`), or
   * Postgres (`postgres:`). @default "redis://127.0.0.1:6379", or `nodes`
   */
  readonly url: string | undefined;
  /** Nodes of a Redis Cluster to begin with, as `host:port`; they tell of the others. User, password and TLS are those of `url`. @default that of `url` */
  readonly nodes: readonly string[] | undefined;
  /** Whether it is a Redis Cluster. @default where `nodes` are given, or the URL says so */
  readonly cluster: boolean | undefined;
  /** Before the keys of Redis; services that share one need different ones. @default "tasks" */
  readonly prefix: string;
  /** Of Postgres: the schema that BullMQ makes its tables in. @default "bullmq" */
  readonly schema: string;
  /** How long a worker that does not answer keeps a job, in ms; while it does, it renews that. @default 30_000 */
  readonly lockMs: number;
  /**
   * The longest that an addition may take with all its calls, in ms: requests wait for it. A server
   * that syncs each write to a slow disk wants more. @default 90
   */
  readonly addTimeoutMs: number;
  /** The longest that any other call may take, and the start of a task, in ms. @default 5000 */
  readonly timeoutMs: number;
}

const DEFAULTS: Readonly<BullmqOptions> = Object.freeze<BullmqOptions>({
  url: undefined,
  nodes: undefined,
  cluster: undefined,
  prefix: 'tasks',
  schema: 'bullmq',
  lockMs: 30_000,
  addTimeoutMs: 90,
  timeoutMs: 5000,
});

const WORD = text({ expected: 'letters, digits, hyphens and underscores', pattern: /^[\w-]+$/ });

/** What the engine works with. */
export interface BullmqSettings extends Omit<BullmqOptions, 'url' | 'nodes' | 'cluster'> {
  readonly server: Server;
}

/** The options to work with. @throws OptionError for unknown or wrong options */
export function resolveBullmqOptions(
  options: Given<BullmqOptions> | undefined,
): Readonly<BullmqSettings> {
  const { url, nodes, cluster, ...settings } = resolveOptions<BullmqOptions>(
    'tasks: bullmq',
    DEFAULTS,
    {
      url: text({ expected: 'an address of Redis or Postgres', pattern: SERVER_URL }),
      nodes: listOf(text({ expected: 'host:port', pattern: NODE })),
      cluster: boolean(),
      prefix: WORD,
      schema: WORD,
      lockMs: durationMs({ min: 1000 }),
      addTimeoutMs: durationMs({ min: 1 }),
      timeoutMs: durationMs({ min: 1 }),
    },
    options,
  );
  const server = serverOf({ url, nodes, cluster });
  if (typeof server === 'string') throw new OptionError('tasks: bullmq', [server]);
  return Object.freeze({ ...settings, server });
}
