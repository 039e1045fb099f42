/**
 * Kysely over a session: its queries run where the session's do, in the request's unit of work or in
 * the transaction that is open, and its own transactions are the session's.
 */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type KyselyConfig,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings as KyselySettings,
} from 'kysely';
import { type Exchange, type Given, OptionError } from '@org/core';
import type { Request } from 'express';

import { ScopeStack } from './scope-stack.ts';
import type { Session, Sessions } from './session.ts';
import type { Isolation, TransactionOptions } from './transaction-options.ts';

/** What Kysely is told besides where it runs. */
export type SessionKyselyConfig = Omit<KyselyConfig, 'dialect'>;

/** Kysely for the sessions of one database. */
export interface Kyselies<DB> {
  /** That of a request; the same for the whole of it. */
  of(from: Request | Exchange): Kysely<DB>;
  /** That of a session, or of a transaction. */
  over(session: Session): Kysely<DB>;
  /** One of no request, whose statements each take a connection of their own. */
  session(): Kysely<DB>;
}

/** Makes Kysely for the sessions of a database. */
export function kyselyFor<DB>(data: Sessions, config: SessionKyselyConfig = {}): Kyselies<DB> {
  const made = new WeakMap<Session, Kysely<DB>>();
  const over = (session: Session): Kysely<DB> => {
    let kysely = made.get(session);
    if (kysely === undefined) {
      kysely = new Kysely<DB>({ ...config, dialect: sessionDialect(session) });
      made.set(session, kysely);
    }
    return kysely;
  };
  return { over, of: (from) => over(data.of(from)), session: () => over(data.session()) };
}

/** A dialect whose every connection is the session. */
export function sessionDialect(session: Session): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new SessionDriver(session),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

class SessionDriver implements Driver {
  private readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  async init(): Promise<void> {
    // Nothing is taken before the first statement.
  }

  async acquireConnection(): Promise<SessionConnection> {
    return new SessionConnection(this.session);
  }

  async beginTransaction(
    connection: SessionConnection,
    { isolationLevel, accessMode }: KyselySettings,
  ): Promise<void> {
    connection.scopes.begin({
      readOnly: accessMode === 'read only',
      isolation: isolationLevel === undefined ? undefined : isolationOf(isolationLevel),
    } satisfies Given<TransactionOptions>);
  }

  commitTransaction(connection: SessionConnection): Promise<void> {
    return connection.scopes.commit();
  }

  rollbackTransaction(connection: SessionConnection): Promise<void> {
    return connection.scopes.rollback();
  }

  async savepoint(connection: SessionConnection, name: string): Promise<void> {
    connection.scopes.savepoint(name);
  }

  rollbackToSavepoint(connection: SessionConnection, name: string): Promise<void> {
    return connection.scopes.rollbackTo(name);
  }

  releaseSavepoint(connection: SessionConnection, name: string): Promise<void> {
    return connection.scopes.release(name);
  }

  async releaseConnection(): Promise<void> {
    // The session gives back by itself.
  }

  async destroy(): Promise<void> {
    // The database is not ours to close.
  }
}

/** Commands whose count of rows is one of changes. */
const CHANGES: ReadonlySet<string> = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

class SessionConnection implements DatabaseConnection {
  readonly scopes: ScopeStack;
  private cursors: number = 0;

  constructor(session: Session) {
    this.scopes = new ScopeStack(session);
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount, command } = await this.scopes.innermost.query<R>(sql, parameters);
    return CHANGES.has(command) ? { rows, numAffectedRows: BigInt(rowCount) } : { rows };
  }

  /** By a cursor of the server's, which lives in a transaction. */
  async *streamQuery<R>(
    { sql, parameters }: CompiledQuery,
    chunkSize: number,
  ): AsyncIterableIterator<QueryResult<R>> {
    const transaction = this.scopes.innermost.begin({ propagation: 'required', readOnly: true });
    const cursor = `kysely_${++this.cursors}`;
    try {
      await transaction.query(`declare ${cursor} no scroll cursor for ${sql}`, parameters);
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- the next rows only when somebody wants them
        const { rows } = await transaction.query<R>(`fetch ${chunkSize} from ${cursor}`);
        if (rows.length === 0) break;
        yield { rows };
        if (rows.length < chunkSize) break;
      }
      await transaction.commit();
    } finally {
      await transaction.rollback();
    }
  }
}

function isolationOf(level: NonNullable<KyselySettings['isolationLevel']>): Isolation {
  if (level === 'read uncommitted') return 'read committed';
  if (level === 'snapshot') {
    throw new OptionError('transaction', [
      'isolation "snapshot" is not one of Postgres\'; there is "repeatable read".',
    ]);
  }
  return level;
}
