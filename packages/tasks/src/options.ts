/** The options of the jobs, their defaults and their checks. */
import {
  type Checks,
  type Clock,
  clockCheck,
  boolean,
  bytes,
  durationMs,
  either,
  func,
  type Given,
  integer,
  type MonitoringAccess,
  monitoringAccess,
  oneOf,
  OptionError,
  type Propagator,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import { SERVER_URL } from './bullmq/server.ts';
import type { FsyncPolicy } from './embedded/journal.ts';
import type { Engine, EngineLimits } from './engine.ts';
import type { OnTaskEvent } from './events.ts';

/** What `tasks` can be told. */
export interface TasksOptions extends EngineLimits {
  /** Names the component. @default "tasks" */
  readonly name: string;
  /**
   * The folder of the durable engine: what was added survives the end of the process, however it
   * comes. One process has it. @default none: jobs are kept in memory, and end with the process
   */
  readonly folder: string | undefined;
  /** Redis (`redis:`, `rediss:`), a node of a Redis Cluster (`redis+cluster:`, `rediss+cluster:`) or Postgres (`postgres:`) for BullMQ, which several processes share; goes before `folder`. @default none */
  readonly url: string | undefined;
  /** Whether `url` is a node of a Redis Cluster. @default where the URL says so */
  readonly cluster: boolean | undefined;
  /** An engine made elsewhere; goes before both. @default by `url` and `folder` */
  readonly engine: Engine | undefined;
  /** Whether this process works on jobs, or only adds them for others. @default true */
  readonly works: boolean;
  /** When the log is written through to the disk: `always` before an addition is answered, `interval`, or `never`. @default "always" */
  readonly fsync: FsyncPolicy;
  /** Of `interval`: how much may be lost with the power, in ms. @default 1000 */
  readonly fsyncIntervalMs: number;
  /** A log of at least this size is begun anew once half of it says nothing any more, in bytes. @default 16_777_216 */
  readonly compactBytes: number;
  /** Jobs of all types at once, in this process; with BullMQ of each type. @default 100 */
  readonly concurrency: number;
  /** Jobs that may wait or be delayed; further ones are refused. @default 100_000 */
  readonly maxWaiting: number;
  /** What the data of all jobs that are not over may have, in bytes. @default 268_435_456 */
  readonly maxWaitingBytes: number;
  /** The data of one job, and its answer, in bytes of JSON. @default 65_536 */
  readonly maxDataBytes: number;
  /** Dead jobs that are kept, the latest; with BullMQ of each type. @default 1000 */
  readonly maxDead: number;
  /** How often the worker of a job may be lost, until the job is taken for the cause and is dead. @default 3 */
  readonly maxTakeovers: number;
  /** Completed jobs that are kept with their answers, the latest; with BullMQ of each type. @default 1000 */
  readonly keepCompleted: number;
  /** What a step of priority is worth: a job that has waited so much longer goes first all the same, in ms. @default 10_000 */
  readonly ageingMs: number;
  /** How long `close` waits for what runs, in ms; then it is given back. @default 10_000 */
  readonly drainMs: number;
  /** Where the monitoring routes begin; `false`: there are none. @default "/api/middleware/tasks" */
  readonly path: string | false;
  /** Who may use them, in place of loopback: the bearer of a token, or whom a function lets in. @default loopback only */
  readonly access: MonitoringAccess | undefined;
  /** Carries the context of a request to its jobs. @default the correlation of the whole */
  readonly propagator: Propagator | undefined;
  /** Told of all that happens to jobs. What it throws is reported. @default nobody */
  readonly onEvent: OnTaskEvent | undefined;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock;
  /** Source of randomness, from 0 to below 1. @default Math.random */
  readonly random: () => number;
}

export const TASKS_DEFAULTS: Readonly<TasksOptions> = Object.freeze<TasksOptions>({
  name: 'tasks',
  folder: undefined,
  url: undefined,
  cluster: undefined,
  engine: undefined,
  works: true,
  fsync: 'always',
  fsyncIntervalMs: 1000,
  compactBytes: 16 * 2 ** 20,
  concurrency: 100,
  maxWaiting: 100_000,
  maxWaitingBytes: 256 * 2 ** 20,
  maxDataBytes: 64 * 2 ** 10,
  maxDead: 1000,
  maxTakeovers: 3,
  keepCompleted: 1000,
  ageingMs: 10_000,
  drainMs: 10_000,
  path: '/api/middleware/tasks',
  access: undefined,
  propagator: undefined,
  onEvent: undefined,
  clock: systemClock,
  random: Math.random,
});

const CHECKS: Checks<TasksOptions> = {
  name: text({
    expected: 'a name of lower-case letters, digits and hyphens',
    pattern: /^[a-z][a-z0-9-]*$/,
  }),
  folder: text({ expected: 'the path of a folder', pattern: /^[^\0]+$/ }),
  url: text({
    expected: 'an address of Redis or Postgres, such as redis://127.0.0.1:6379',
    pattern: SERVER_URL,
  }),
  cluster: boolean(),
  engine: shape<Engine>('an engine', ['start', 'define', 'add', 'find', 'pause', 'close']),
  works: boolean(),
  fsync: oneOf('always', 'interval', 'never'),
  fsyncIntervalMs: durationMs({ min: 1 }),
  compactBytes: bytes({ min: 1024 }),
  concurrency: integer({ min: 1, max: 100_000 }),
  maxWaiting: integer({ min: 1 }),
  maxWaitingBytes: bytes({ min: 1 }),
  maxDataBytes: bytes({ min: 2 }),
  maxDead: integer({ min: 0 }),
  maxTakeovers: integer({ min: 0, max: 1000 }),
  keepCompleted: integer({ min: 0 }),
  ageingMs: durationMs({ min: 1 }),
  drainMs: durationMs(),
  path: either(
    text({ expected: 'a path such as "/api/middleware/tasks"', pattern: /^\/[\w/-]*\w$/ }),
    oneOf(false),
  ),
  access: monitoringAccess,
  propagator: shape<Propagator>('a propagator', ['inject', 'extract', 'run']),
  onEvent: func(),
  clock: clockCheck,
  random: func(),
};

/** The options to work with. @throws OptionError for unknown or wrong options */
export function resolveTasksOptions(
  options: Given<TasksOptions> | undefined,
): Readonly<TasksOptions> {
  const resolved = resolveOptions('tasks', TASKS_DEFAULTS, CHECKS, options);
  if (resolved.maxDataBytes > resolved.maxWaitingBytes) {
    throw new OptionError('tasks', [
      `option "maxDataBytes" must be at most "maxWaitingBytes", but ${resolved.maxDataBytes} is more than ${resolved.maxWaitingBytes}.`,
    ]);
  }
  return resolved;
}
