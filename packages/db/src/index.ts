export type { CallSite } from '@org/core';
export { db, type Db } from './db.ts';
export type {
  Asker,
  Connection,
  ConnectionSource,
  Driver,
  DriverSettings,
  QueryResult,
  Statement,
  TypeParsers,
} from './driver.ts';
export {
  type CommitAnswer,
  type CommitWhen,
  DB_DEFAULTS,
  type DbOptions,
  defaultCommit,
} from './options.ts';
export type { PgClient, PgPool, PgPoolConstructor, PgQuery } from './pg-pool.ts';
export { pglite, type PgliteInstance, type PgliteResult } from './pglite.ts';
export { type Leak, type LeakKind, POOL_CHANNEL, type PoolEvent } from './pool-events.ts';
export { type PoolNumbers, PoolWatch, type WatchSettings } from './pool-watch.ts';
export { postgres, POSTGRES_DEFAULTS, type PostgresOptions } from './postgres.ts';
export { QUERY_CHANNEL, type QueryEvent } from './query-events.ts';
export { WatchedClient } from './watched-client.ts';
export type { OpenTransaction, Transaction } from './scope.ts';
export type { Session, Sessions } from './session.ts';
export {
  type Isolation,
  type Propagation,
  TRANSACTION_DEFAULTS,
  type TransactionOptions,
  type TransactionSettings,
  type UnitOfWorkOption,
} from './transaction-options.ts';
