/**
 * The database as a component: it opens on start, brings its schema and its data up to
 * date, says how it is, and closes cleanly. PGlite in a folder (or in memory) by
 * default, a Postgres server when there is a URL; nobody else knows which.
 */
import { PGlite } from '@electric-sql/pglite';
import { type Component, defineComponent, type HealthReport, type Stats } from '@org/core';
import { Kysely, type LogEvent, PostgresDialect, type PostgresPool, sql } from 'kysely';

import { type DataFolder, takeDataFolder } from './data-folder.ts';
import { type LoadOptions, loadPlaces } from './load.ts';
import { migrate } from './migrations/index.ts';
import { pglitePool } from './pglite-pool.ts';
import { serverPool } from './server-pool.ts';
import type { Tables } from './tables.ts';

/** What a database is opened and filled with. */
export interface DatabaseSettings extends LoadOptions {
  /** A server's address; without one the database is embedded. */
  readonly databaseUrl: string | undefined;
  /** The folder of the embedded database; `:memory:` keeps nothing. */
  readonly dataDir: string;
}

/** Typed SQL, with the life of what runs it. */
export interface Database extends Component {
  readonly sql: Kysely<Tables>;
}

/** Makes the component; nothing is opened before the first statement. */
export function database(settings: DatabaseSettings): Database {
  const numbers = { queriesTotal: 0, failedQueriesTotal: 0, queriesMsTotal: 0 };
  let folder: DataFolder | undefined;

  async function openPool(): Promise<PostgresPool> {
    if (settings.databaseUrl !== undefined) return serverPool(settings.databaseUrl);
    if (settings.dataDir !== ':memory:') folder = await takeDataFolder(settings.dataDir);
    const pglite = new PGlite(folder === undefined ? {} : { dataDir: folder.path });
    await pglite.waitReady;
    return pglitePool(pglite, async () => folder?.release());
  }

  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: openPool }),
    log(event: LogEvent) {
      numbers.queriesTotal++;
      numbers.queriesMsTotal += event.queryDurationMillis;
      if (event.level === 'error') numbers.failedQueriesTotal++;
    },
  });

  return defineComponent('database', {
    sql: db,
    async start() {
      // What keeps it from opening is said as it is, not as the failure of a migration.
      await sql`select 1`.execute(db);
      await migrate(db);
      await loadPlaces(db, settings);
      await folder?.complete();
    },
    health: (signal: AbortSignal): Promise<HealthReport> => Promise.race([ask(db), gaveUp(signal)]),
    stats: (): Stats => ({
      engine: settings.databaseUrl === undefined ? 'PGlite' : 'server',
      ...numbers,
    }),
    close: () => db.destroy(),
  });
}

async function ask(db: Kysely<Tables>): Promise<HealthReport> {
  try {
    await sql`select 1`.execute(db);
    return { status: 'pass' };
  } catch (error) {
    return { status: 'fail', detail: error instanceof Error ? error.message : String(error) };
  }
}

function gaveUp(signal: AbortSignal): Promise<HealthReport> {
  return new Promise((resolve) => {
    const late = (): void => resolve({ status: 'fail', detail: 'The database did not answer.' });
    if (signal.aborted) late();
    else signal.addEventListener('abort', late, { once: true });
  });
}
