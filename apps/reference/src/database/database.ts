/**
 * The database: sessions for requests, and a component that brings schema and data up to date on
 * start. PGlite in a folder (or in memory) by default, a Postgres server when there is a URL; nobody
 * else knows which.
 */
import { type Component, defineComponent } from '@org/core';
import { db, type Db, type DbOptions, pglite, postgres } from '@org/db';
import { type Kyselies, kyselyFor } from '@org/db/kysely';
import { sql } from 'kysely';

import { embedded } from './embedded.ts';
import { type LoadOptions, loadPlaces } from './load.ts';
import { migrate } from './migrations/index.ts';
import type { Tables } from './tables.ts';

/** What a database is opened and filled with. */
export interface DatabaseSettings extends LoadOptions {
  /** A server's address; without one the database is embedded. */
  readonly databaseUrl: string | undefined;
  /** The folder of the embedded database; `:memory:` keeps nothing. */
  readonly dataDir: string;
  /** What the environment says of sessions and of the pool. */
  readonly options: Partial<DbOptions>;
}

/** The database, and what it is asked by. */
export interface Database {
  /** Fills it on start; closes it, after the sessions. */
  readonly component: Component;
  readonly sessions: Db;
  /** Typed SQL, for each request and besides. */
  readonly sql: Kyselies<Tables>;
}

/** How long the server works on one statement, in ms. */
const STATEMENT_TIMEOUT_MS = 10_000;

/** Makes it; nothing is opened before the first statement. */
export function database(settings: DatabaseSettings): Database {
  const { databaseUrl, options } = settings;
  const inside = databaseUrl === undefined ? embedded(settings.dataDir) : undefined;
  const sessions = db({
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    idleInTransactionTimeoutMs: STATEMENT_TIMEOUT_MS,
    ...options,
    driver:
      inside === undefined
        ? postgres({ url: databaseUrl!, max: options.max, applicationName: 'reference' })
        : pglite(inside),
  });
  const kyselies = kyselyFor<Tables>(sessions);

  const component = defineComponent('database', {
    async start() {
      const tables = kyselies.session();
      // What keeps it from opening is said as it is, not as the failure of a migration.
      await sql`select 1`.execute(tables);
      await migrate(tables);
      await loadPlaces(tables, settings);
      await inside?.complete();
    },
    close: async () => inside?.close(),
  });
  return { component, sessions, sql: kyselies };
}
