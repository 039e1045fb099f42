/** The options of the database, their defaults and their checks. */
import {
  boolean,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  type Exchange,
  func,
  type Given,
  integer,
  type MonitoringAccess,
  monitoringAccess,
  OptionError,
  type ProblemError,
  recordOf,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';
import type { Request, Response } from 'express';

import type { Driver } from './driver.ts';
import type { PoolEvent } from './pool-events.ts';
import { UNIT_OF_WORK, type UnitOfWorkOption } from './transaction-options.ts';

/** Whether a request's unit of work is committed, by the status of its answer. */
export type CommitWhen = (status: number, exchange: Exchange) => boolean;

/** Answers in place of an answer whose unit of work could not be committed. */
export type CommitAnswer = (req: Request, res: Response, error: ProblemError) => void;

/** What the database can be told. */
export interface DbOptions {
  /** Names the component; two databases of one stack need two names, and two paths. @default "db" */
  readonly name: string;
  /** `postgres(…)`, `pglite(…)`, or one of yours. @default `postgres({ url, max })` */
  readonly driver: Driver | undefined;
  /** Address of a Postgres server; for those who have no driver. */
  readonly url: string | undefined;
  /** Connections at most, with `url`. @default 10 */
  readonly max: number;
  /** How long somebody may wait for a connection, in ms. @default 5000 */
  readonly acquireTimeoutMs: number;
  /** How many may wait for one; others are refused at once. @default 1000 */
  readonly maxWaiting: number;
  /** How long the server may work on a statement, in ms; 0: as long as it likes. @default 30_000 */
  readonly statementTimeoutMs: number;
  /** How long a transaction may stand still, in ms; 0: for ever. @default 30_000 */
  readonly idleInTransactionTimeoutMs: number;
  /** How long the server has to stop a statement, or to roll back, before its connection is destroyed, in ms. @default 2000 */
  readonly cancelTimeoutMs: number;
  /** Whether the work of a request that has been given up is stopped. @default true */
  readonly cancelOnAbort: boolean;
  /** Whether all that a request does is one transaction, committed before its answer is sent. @default false */
  readonly unitOfWork: UnitOfWorkOption;
  /** The same by Express' path patterns; the first that matches counts. @default {} */
  readonly routes: Readonly<Record<string, UnitOfWorkOption>>;
  /** Whether a unit of work is committed. @default below 400, and no error was answered for */
  readonly commitWhen: CommitWhen;
  /** Answers where a commit has failed. @default the last answer of the stack, else a problem document */
  readonly answer: CommitAnswer | undefined;
  /** Whether the pool is watched, and its route served. @default true */
  readonly monitorPool: boolean;
  /** Path of that route; `false`: none. @default "/api/middleware/database-pool" */
  readonly path: string | false;
  /** Who may see it, in place of loopback. @default loopback only */
  readonly access: MonitoringAccess | undefined;
  /** From when on a connection is held long, in ms. @default 10_000 */
  readonly heldAfterMs: number;
  /** How long after its request's end a connection is an orphan, in ms. @default 1000 */
  readonly orphanAfterMs: number;
  /** Whether orphans are taken away and destroyed. @default false */
  readonly destroyOrphans: boolean;
  /** One in so many takings of a connection remembers its line. @default 64 */
  readonly lineEvery: number;
  /** Hears of leaks, and of connections that came back late. @default nobody */
  readonly onPoolEvent: ((event: PoolEvent) => unknown) | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
  /** Source of randomness, from 0 to below 1. @default Math.random */
  readonly random: () => number;
}

/** What succeeded, as far as its status tells: an error that was answered for is rolled back. */
export const defaultCommit: CommitWhen = (status, { error }) => status < 400 && error === undefined;

export const DB_DEFAULTS: Readonly<DbOptions> = Object.freeze<DbOptions>({
  name: 'db',
  driver: undefined,
  url: undefined,
  max: 10,
  acquireTimeoutMs: 5000,
  maxWaiting: 1000,
  statementTimeoutMs: 30_000,
  idleInTransactionTimeoutMs: 30_000,
  cancelTimeoutMs: 2000,
  cancelOnAbort: true,
  unitOfWork: false,
  routes: Object.freeze({}),
  commitWhen: defaultCommit,
  answer: undefined,
  monitorPool: true,
  path: '/api/middleware/database-pool',
  access: undefined,
  heldAfterMs: 10_000,
  orphanAfterMs: 1000,
  destroyOrphans: false,
  lineEvery: 64,
  onPoolEvent: undefined,
  clock: systemClock,
  random: Math.random,
});

const driver: Check<Driver> = shape<Driver>('a driver: postgres(…) or pglite(…)', ['open']);
const path: Check<string | false> = {
  expected: 'false, or a path of plain segments, such as "/api/middleware/database-pool"',
  accepts: (value): value is string | false =>
    value === false || (typeof value === 'string' && /^(?:\/[\w.~-]+)+$/.test(value)),
};

const CHECKS: Checks<DbOptions> = {
  name: text({
    expected: 'a name of lower-case letters, digits and hyphens',
    pattern: /^[a-z][a-z0-9-]*$/,
  }),
  driver,
  url: text({
    expected: 'an address such as "postgres://user:password@host/database"',
    pattern: /^postgres(?:ql)?:\/\//,
  }),
  max: integer({ min: 1, max: 10_000 }),
  acquireTimeoutMs: durationMs({ min: 1 }),
  maxWaiting: integer({ min: 0 }),
  statementTimeoutMs: durationMs(),
  idleInTransactionTimeoutMs: durationMs(),
  cancelTimeoutMs: durationMs({ min: 1 }),
  cancelOnAbort: boolean(),
  unitOfWork: UNIT_OF_WORK,
  routes: recordOf(UNIT_OF_WORK),
  commitWhen: func<CommitWhen>(),
  answer: func<CommitAnswer>(),
  monitorPool: boolean(),
  path,
  access: monitoringAccess,
  heldAfterMs: durationMs({ min: 1 }),
  orphanAfterMs: durationMs(),
  destroyOrphans: boolean(),
  lineEvery: integer({ min: 1 }),
  onPoolEvent: func<(event: PoolEvent) => unknown>(),
  clock: clockCheck,
  random: func<() => number>(),
};

/** @throws OptionError for unknown or wrong options, and where there is no database */
export function resolveDbOptions(given: Given<DbOptions> | undefined): Readonly<DbOptions> {
  const resolved = resolveOptions('db', DB_DEFAULTS, CHECKS, given);
  if (resolved.driver === undefined && resolved.url === undefined) {
    throw new OptionError('db', [
      'option "driver" is needed, and is postgres(pool), postgres({ url }) or pglite(instance); or say "url" (DATABASE_URL).',
    ]);
  }
  return resolved;
}
