import { OptionError } from '@org/core';
import {
  analyticsPostgresStore,
  type AnalyticsPostgresStoreOptions,
  analyticsPostgresTable,
} from '@org/analytics';
import { Pool } from 'pg';

import { type PgliteProcess, startPglite } from './pglite.ts';
import { postgresBinaries, type PostgresServer, startPostgres } from './postgres-server.ts';
import { describeStore } from './store-suite.ts';

describe('over PGlite', () => {
  let pglite: PgliteProcess;
  beforeAll(async () => {
    pglite = await startPglite();
  }, 60_000);
  afterAll(() => pglite?.stop());

  describeStore('PGlite', async () => {
    await pglite.query('DROP TABLE IF EXISTS api_analytics', []);
    return analyticsPostgresStore({ query: pglite.query });
  });
});

const binaries = postgresBinaries();
if (binaries === undefined) {
  const line = 'No Postgres in /usr/lib/postgresql: the store over a server is not tested.';
  if (process.env.CI === undefined) process.stderr.write(`${line}\n`);
  test('a Postgres server is there to test against, or this is not CI', () => {
    expect(process.env.CI === undefined ? 'a laptop' : line).toBe('a laptop');
  });
} else {
  describe('over a Postgres server', () => {
    let postgres: PostgresServer;
    let pool: Pool;
    beforeAll(async () => {
      postgres = await startPostgres(binaries);
      pool = new Pool({ connectionString: postgres.url, max: 4 });
      pool.on('error', () => undefined);
    }, 60_000);
    afterAll(async () => {
      await pool?.end();
      await postgres?.stop();
    });

    describeStore('a Postgres server', async () => {
      await pool.query('DROP TABLE IF EXISTS api_analytics');
      return analyticsPostgresStore({ query: (text, values) => pool.query(text, values) });
    });

    test('several instances may make the table at once', async () => {
      await pool.query('DROP TABLE IF EXISTS api_analytics');
      const stores = Array.from({ length: 8 }, () =>
        analyticsPostgresStore({ query: (text, values) => pool.query(text, values) }),
      );
      await Promise.all(stores.map(async (store) => store.start?.()));
      expect(await stores[0]!.unrolled('minute', 'endpoints', 60_000, 1)).toEqual([]);
    });

    test('a migration of yours may make the table, wherever it is', async () => {
      await pool.query('CREATE SCHEMA IF NOT EXISTS watching');
      await pool.query(analyticsPostgresTable('watching.use'));
      const store = analyticsPostgresStore({
        query: (text, values) => pool.query(text, values),
        table: 'watching.use',
        create: false,
      });
      await store.start?.();
      expect(await store.unrolled('minute', 'endpoints', 60_000, 1)).toEqual([]);
    });
  });
}

describe('options', () => {
  const query = () => Promise.resolve({ rows: [] });

  test.each([
    [{}, '"query" is needed'],
    [{ query, table: 'a; DROP TABLE b' }, 'must be a name'],
    [{ query, tabel: 'x' }, 'did you mean "table"?'],
  ])('%p are refused', (options, message) => {
    const make = () => analyticsPostgresStore(options as unknown as AnalyticsPostgresStoreOptions);
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });

  test('a table whose name needs quotes is not made', () => {
    expect(() => analyticsPostgresTable('My Table')).toThrow(OptionError);
  });
});
