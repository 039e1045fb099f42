import { OptionError } from '@org/core';
import { fakeClock } from '@org/core/testing';
import { postgresStore, type PostgresStoreOptions, postgresTable } from '@org/analytics';
import { Pool } from 'pg';

import { instance } from './instance.ts';
import { type PgliteProcess, startPglite } from './pglite.ts';
import { type PostgresServer, startPostgres, withPostgres } from 'test-servers/postgres';
import { describeStore } from './store-suite.ts';

describe('over PGlite', () => {
  let pglite: PgliteProcess;
  beforeAll(async () => {
    pglite = await startPglite();
  });
  afterAll(() => pglite?.stop());

  describeStore('PGlite', async () => {
    await pglite.query('DROP TABLE IF EXISTS api_analytics', []);
    return postgresStore({ query: pglite.query });
  });
});

withPostgres('the store over a server', (binaries) => {
  describe('over a Postgres server', () => {
    let postgres: PostgresServer;
    let pool: Pool;
    beforeAll(async () => {
      postgres = await startPostgres(binaries);
      pool = new Pool({ connectionString: postgres.url, max: 4 });
      pool.on('error', () => undefined);
      pool.on('connect', (client) => client.on('error', () => undefined));
    });
    afterAll(async () => {
      await pool?.end();
      await postgres?.stop();
    });

    describeStore('a Postgres server', async () => {
      await pool.query('DROP TABLE IF EXISTS api_analytics');
      return postgresStore({ query: (text, values) => pool.query(text, values) });
    });

    test('a server that crashes under two instances loses nothing that they have counted', async () => {
      await pool.query('DROP TABLE IF EXISTS api_analytics');
      const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const clock = fakeClock();
      const store = postgresStore({ query: (text, values) => pool.query(text, values) });
      const instances = [instance(store, clock), instance(store, clock)];
      const flush = (): Promise<PromiseSettledResult<void>[]> =>
        Promise.allSettled(instances.map(({ outbox }) => outbox.flush()));
      let asked = 0;
      const use = (): void => {
        for (const each of instances) each.ask('/x', { who: 'ada' });
        asked += 2;
        clock.advance(60_000);
        for (const each of instances) each.turn();
      };
      use();
      await flush();
      for (let time = 0; time < 3; time++) {
        use();
        // What is on its way when the server goes may have arrived or not.
        const [results] = await Promise.all([flush(), postgres.crash()]);
        expect(results).toHaveLength(2);
        use();
        expect((await flush()).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
        await postgres.restart();
        use();
        await flush();
        await flush();
      }
      const summary = await instances[0]!.summary('step=minute&from=2026-01-01T00:00Z');
      expect(summary).toMatchObject({ requests: asked, lost: 0 });
      const { items } = await instances[1]!.listConsumers();
      expect(items.map(({ requests }) => requests)).toMatchObject([
        { value: asked, atLeast: asked },
      ]);
      warned.mockRestore();
    });

    test('several instances may make the table at once', async () => {
      await pool.query('DROP TABLE IF EXISTS api_analytics');
      const stores = Array.from({ length: 8 }, () =>
        postgresStore({ query: (text, values) => pool.query(text, values) }),
      );
      await Promise.all(stores.map(async (store) => store.start?.()));
      expect(await stores[0]!.unrolled('minute', 'endpoints', 60_000, 1)).toEqual([]);
    });

    test('a migration of yours may make the table, wherever it is', async () => {
      await pool.query('CREATE SCHEMA IF NOT EXISTS watching');
      await pool.query(postgresTable('watching.use'));
      const store = postgresStore({
        query: (text, values) => pool.query(text, values),
        table: 'watching.use',
        create: false,
      });
      await store.start?.();
      expect(await store.unrolled('minute', 'endpoints', 60_000, 1)).toEqual([]);
    });
  });
});

describe('options', () => {
  const query = () => Promise.resolve({ rows: [] });

  test.each([
    [{}, '"query" is needed'],
    [{ query, table: 'a; DROP TABLE b' }, 'must be a name'],
    [{ query, tabel: 'x' }, 'did you mean "table"?'],
  ])('%p are refused', (options, message) => {
    const make = () => postgresStore(options as unknown as PostgresStoreOptions);
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });

  test('an index bears the name of its table, which is not too long with that of a schema', () => {
    const name = /INDEX IF NOT EXISTS (\w+)/.exec(postgresTable(`${'s'.repeat(60)}.use`))?.[1];
    expect(name).toBe('use_unrolled');
  });

  test('a table whose name needs quotes is not made', () => {
    expect(() => postgresTable('My Table')).toThrow(OptionError);
  });
});
