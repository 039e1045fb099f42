/**
 * What a database looks like from here: a source of connections, each of which runs statements one
 * after the other. `postgres` and `pglite` make drivers; whoever has another database can write one.
 */
import type { CallSite, Clock, Exchange } from '@org/core';

import type { PoolWatch } from './pool-watch.ts';

/** Reads a value of a type, as `pg` and its query builders state it. */
export interface TypeParsers {
  getTypeParser(oid: number, format?: string): (value: string) => unknown;
}

/** One statement. */
export interface Statement {
  /** SQL, with `$1` and so on in the place of values. */
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  /** `array`: rows are lists, in the order of the columns. */
  readonly rowMode?: 'array' | undefined;
  readonly types?: TypeParsers | undefined;
  /** Has the server prepare the statement under this name. */
  readonly name?: string | undefined;
}

/** What a statement brings. */
export interface QueryResult<R = Record<string, unknown>> {
  readonly rows: R[];
  /** Rows that it brought, or changed. */
  readonly rowCount: number;
  /** The command that ran, such as `INSERT`. */
  readonly command: string;
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/** A connection in somebody's hands. */
export interface Connection {
  /** Runs a statement; the one before must have ended. */
  run(statement: Statement): Promise<QueryResult<never>>;
  /** Runs several statements without values in one go. */
  script(text: string): Promise<unknown>;
  /** Asks the server to stop what runs. Absent where it cannot. */
  cancel?(): Promise<void>;
  /** Gives it back; `destroy` where nobody knows what state it is in. The first call counts. */
  release(destroy: boolean): void;
}

/** Who asks for a connection. */
export interface Asker {
  readonly exchange: Exchange | undefined;
  /** Where it asks, where somebody looked. */
  readonly site: CallSite | undefined;
}

/** Where connections come from. */
export interface ConnectionSource {
  /** The most connections there can be. */
  readonly capacity: number;
  /** Connections that there are. */
  readonly size: number;
  /** Connections that nobody uses. */
  readonly idle: number;
  /** How many wait for one. */
  readonly waiting: number;
  /** @throws ProblemError `ERR_DATABASE_BUSY` or `ERR_DATABASE_UNAVAILABLE` */
  acquire(asker: Asker): Promise<Connection>;
  /** Gives everything back; `signal` aborts when it must not take longer. */
  close(signal?: AbortSignal): Promise<void>;
}

/** What a driver is told. */
export interface DriverSettings {
  readonly clock: Clock;
  /** Watches the pool; absent where nobody wants to know. */
  readonly watch: PoolWatch | undefined;
  /** How long somebody may wait for a connection, in ms. */
  readonly acquireTimeoutMs: number;
  /** How many may wait for one. */
  readonly maxWaiting: number;
  /** How long the server may work on a statement, in ms. */
  readonly statementTimeoutMs: number;
  /** How long a transaction may stand still, in ms. */
  readonly idleInTransactionTimeoutMs: number;
  /** How long the server has to stop a statement, in ms. */
  readonly cancelTimeoutMs: number;
}

/** A kind of database; it opens nothing before the first connection is wanted. */
export interface Driver {
  readonly name: string;
  open(settings: DriverSettings): ConnectionSource;
}
