/** Real databases under the watch: by `@org/db`, and pools, clients and a PGlite that are given to it. */
import { db, postgres } from '@org/db';
import { kyselyFor } from '@org/db/kysely';
import { internalRequest } from '@org/core';
import { fakeClock, serve } from '@org/core/testing';
import { query, type QueryFinding, type QueryOptions, type QueryWatch } from '@org/query';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable } from 'drizzle-orm/pg-core';
import express, { type Express } from 'express';
import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool, type PoolClient } from 'pg';

import { onBothDatabases } from './databases.ts';
import { type PostgresServer, startPostgres, withPostgres } from 'test-servers/postgres';

/** However slow the machine is. */
const NEVER_MS = 3_600_000;

withPostgres('the watch over real pools', (binaries) => {
  let server: PostgresServer;
  let pool: Pool;
  beforeAll(async () => {
    server = await startPostgres(binaries);
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    pool = new Pool({ connectionString: server.url, max: 2 });
    pool.on('error', () => undefined);
  });
  afterEach(() => pool.end());

  async function ask(
    watch: QueryWatch,
    routes: (app: Express) => void,
    ...paths: string[]
  ): Promise<string[]> {
    const app = express();
    app.use(watch);
    routes(app);
    const served = await serve(app);
    const answers = await Promise.all(
      paths.map(async (path) => {
        const answer = await fetch(served.url + path);
        await answer.text();
        return (
          answer.headers.get('server-timing')?.replace(/;dur=.*/, '') ?? `none, ${answer.status}`
        );
      }),
    );
    await served.close();
    return answers;
  }

  test("of @org/db's sessions it knows request, line and rows, by Kysely, too", async () => {
    const findings: QueryFinding[] = [];
    const watch = query({
      nPlusOneThreshold: 3,
      slowAfterMs: NEVER_MS,
      onFinding: (finding) => void findings.push(finding),
    });
    const data = db({ driver: postgres(pool) });
    const kysely = kyselyFor<{ numbers: { n: number } }>(data);
    await pool.query('create table if not exists numbers (n int)');
    const timing = await ask(
      watch,
      (app) => {
        app.use(data);
        app.get('/plain', async (req, res) => {
          for (let at = 0; at < 5; at++) {
            // oxlint-disable-next-line no-await-in-loop -- the fault that is looked for
            await data.of(req).query('select $1::int as n', [at]);
          }
          res.end();
        });
        app.get('/kysely', async (req, res) => {
          for (let at = 0; at < 5; at++) {
            // oxlint-disable-next-line no-await-in-loop
            await kysely.of(req).selectFrom('numbers').selectAll().where('n', '=', at).execute();
          }
          res.end();
        });
      },
      '/plain',
      '/kysely',
    );
    expect(timing).toEqual(['db;desc="5 queries"', 'db;desc="5 queries"']);
    expect(findings.map(({ route, count }) => `${route}: ${count}`).toSorted()).toEqual([
      '/kysely: 5',
      '/plain: 5',
    ]);
    for (const { callSite } of findings) expect(callSite).toMatch(/watched\.test\.ts:\d+:\d+$/);
    expect(watch.stats()).toMatchObject({ queriesTotal: 10, failedTotal: 0 });
    watch.close();
    await data.close();
  });

  test("of @org/db's sessions it knows the line of a slow one, though it ran once", async () => {
    const findings: QueryFinding[] = [];
    const onFinding = (finding: QueryFinding): void => void findings.push(finding);
    const watch = query({ slowAfterMs: 10, onFinding });
    const data = db({ driver: postgres(pool) });
    const routes = (app: Express): void => {
      app.use(data);
      app.get('/alone', async (req, res) => {
        await data.of(req).query('select pg_sleep(0.05)');
        res.end();
      });
      app.get('/within', async (req, res) => {
        await data.of(req).transaction(async (tx) => {
          await tx.transaction((part) => part.query('select pg_sleep(0.06)'), {
            propagation: 'savepoint',
          });
        });
        res.end();
      });
    };
    await ask(watch, routes, '/alone', '/within');
    const slow = findings.filter(({ text }) => text.includes('pg_sleep'));
    const line = expect.stringMatching(/watched\.test\.ts:\d+:\d+$/);
    expect(slow.map(({ type, callSite }) => [type, callSite])).toEqual([
      ['slow', line],
      ['slow', line],
    ]);
    watch.close();
    await data.close();
  });

  test('of a pool it knows request and line, whoever waits for a connection, in all forms of its calls', async () => {
    const findings: QueryFinding[] = [];
    const watch = query({
      nPlusOneThreshold: 3,
      slowAfterMs: NEVER_MS,
      onFinding: (finding) => void findings.push(finding),
    });
    watch.watch(pool);
    const routes = (app: Express): void => {
      app.get('/promise/:count', async (req, res) => {
        const count = Number(req.params.count);
        await Promise.all(Array.from({ length: count }, () => pool.query('select 1 as one')));
        res.end();
      });
      app.get('/callback', (_req, res, next) => {
        pool.query('select $1::int', [1], (error) => {
          if (error) next(error);
          else res.end();
        });
      });
      app.get('/client', async (_req, res) => {
        const client = await pool.connect();
        await client.query({ text: 'select 2 as two' });
        await client.query('select 3 as three');
        client.release();
        res.end();
      });
      app.get('/client-callback', (_req, res, next) => {
        pool.connect((error: Error | undefined, client: PoolClient | undefined, done) => {
          if (client === undefined) next(error);
          else {
            client.query('select 4 as four', () => {
              done();
              res.end();
            });
          }
        });
      });
      app.get('/fails', async (_req, res) => {
        await pool.query('select nothing').catch(() => undefined);
        res.end();
      });
    };
    const paths = [
      '/promise/5',
      '/promise/2',
      '/callback',
      '/client',
      '/client-callback',
      '/fails',
      '/promise/1',
    ];
    expect(await ask(watch, routes, ...paths)).toEqual([
      'db;desc="5 queries"',
      'db;desc="2 queries"',
      'db;desc="1 query"',
      'db;desc="2 queries"',
      'db;desc="1 query"',
      'db;desc="1 query"',
      'db;desc="1 query"',
    ]);
    expect(findings.map(({ route, count, callSite }) => ({ route, count, callSite }))).toEqual([
      expect.objectContaining({
        route: '/promise/:count',
        count: 5,
        callSite: expect.stringMatching(/watched\.test\.ts:\d+:\d+$/),
      }),
    ]);
    expect(watch.stats()).toMatchObject({ queriesTotal: 13, failedTotal: 1 });
    watch.close();
    await pool.query('select 1');
    expect(watch.stats()).toMatchObject({ queriesTotal: 13 });
    expect(Object.hasOwn(pool, 'query')).toBe(false);
    expect(Object.hasOwn(pool, 'connect')).toBe(false);
  });

  test("of builders over a pool it knows the request, and Kysely's lines, if many are asked for at once", async () => {
    const findings: QueryFinding[] = [];
    const watch = query({
      nPlusOneThreshold: 3,
      slowAfterMs: NEVER_MS,
      onFinding: (finding) => void findings.push(finding),
    });
    watch.watch(pool);
    await pool.query('create table if not exists counted (n int)');
    const kysely = new Kysely<{ counted: { n: number } }>({
      dialect: new PostgresDialect({ pool }),
    });
    const orm = drizzle(pool);
    const counted = pgTable('counted', { n: integer() });
    const five = [1, 2, 3, 4, 5];
    const routes = (app: Express): void => {
      app.get('/kysely', async (_req, res) => {
        const select = kysely.selectFrom('counted').selectAll();
        await Promise.all(five.map((n) => select.where('n', '=', n).execute()));
        res.end();
      });
      app.get('/drizzle', async (_req, res) => {
        await Promise.all(five.map((n) => orm.select().from(counted).where(eq(counted.n, n))));
        res.end();
      });
      app.get('/drizzle-inserts', async (_req, res) => {
        await orm.transaction(async (within) => {
          for (const rows of [1, 2, 3, 4, 5]) {
            // oxlint-disable-next-line no-await-in-loop -- the fault that is looked for
            await within.insert(counted).values(five.slice(0, rows).map((n) => ({ n })));
          }
        });
        res.end();
      });
    };
    const paths = ['/kysely', '/drizzle', '/drizzle-inserts'];
    expect(await ask(watch, routes, ...paths)).toEqual([
      'db;desc="5 queries"',
      'db;desc="5 queries"',
      'db;desc="7 queries"',
    ]);
    watch.close();
    const lines = new Map(findings.map(({ route, callSite }) => [route, callSite]));
    expect(new Set(lines.keys())).toEqual(new Set(paths));
    // V8 calls the `then` of what is awaited from nowhere, but it knows who awaits it at its end.
    for (const line of lines.values()) expect(line).toMatch(/watched\.test\.ts:\d+:\d+$/);
  });

  test('a request within a request takes nothing of it', async () => {
    const watch = query();
    watch.watch(pool);
    const routes = (app: Express): void => {
      app.get('/inner', async (_req, res) => {
        await pool.query('select 1');
        res.end();
      });
      app.get('/outer', async (_req, res) => {
        const inner = internalRequest(app, { url: '/inner' });
        await pool.query('select 2');
        await pool.query('select 3');
        await inner;
        res.end();
      });
    };
    expect(await ask(watch, routes, '/outer')).toEqual(['db;desc="2 queries"']);
    expect(watch.stats()).toMatchObject({ queriesTotal: 3, requestsTotal: 2 });
    watch.close();
  });

  test('of a pool that is given twice it hears once; of what is given late, or is none, nothing', async () => {
    const watch = query();
    expect(watch.watch(watch.watch(pool))).toBe(pool);
    await pool.query('select 1');
    expect(watch.stats()).toMatchObject({ queriesTotal: 1 });
    expect(() => watch.watch({} as never)).toThrow('query.watch: takes something with query');
    watch.close();
    watch.close();
    watch.watch(pool);
    expect(Object.hasOwn(pool, 'query')).toBe(false);
  });

  test('of two watches over one pool each hears all until it ends', async () => {
    const [one, other] = [query(), query()];
    one.watch(pool);
    other.watch(pool);
    await pool.query('select 1');
    one.close();
    await pool.query('select 1');
    other.close();
    await pool.query('select 1');
    expect(one.stats()).toMatchObject({ queriesTotal: 1 });
    expect(other.stats()).toMatchObject({ queriesTotal: 2 });
  });

  test('of a client it hears, too, and lets it go', async () => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    const watch = query();
    expect(watch.watch(client)).toBe(client);
    await client.query('select 1');
    expect(watch.stats()).toMatchObject({ queriesTotal: 1 });
    watch.close();
    await client.query('select 1');
    expect(watch.stats()).toMatchObject({ queriesTotal: 1 });
    await client.end();
  });

  test('a plan is made on a pool and on a session, without a value, and is not run', async () => {
    await pool.query('create table if not exists people (id int primary key, name text)');
    await pool.query("insert into people values (1, 'Ada') on conflict do nothing");
    const data = db({ driver: postgres(pool) });
    for (const explainOn of [pool, data.session()] as QueryOptions['explainOn'][]) {
      const watch = query({ explainOn });
      watch.record({
        text: "select * from people where id = $1 and name = 'Ada'",
        durationMs: 900,
      });
      watch.record({ text: 'delete from people where id = $1', durationMs: 900 });
      watch.record({ text: 'select * from nowhere', durationMs: 900 });
      const ids = await idsOf(watch);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const plan = await watch.explain(
        ids.find(({ text }) => text.startsWith('select * from people'))!.id,
      );
      expect(JSON.stringify(plan)).toContain('(id = $1)');
      expect(JSON.stringify(plan)).not.toContain('Ada');
      // oxlint-disable-next-line no-await-in-loop
      const deletion = await watch.explain(ids.find(({ text }) => text.startsWith('delete'))!.id);
      expect(JSON.stringify(deletion)).toContain('"Operation":"Delete"');
      // oxlint-disable-next-line no-await-in-loop
      await expect(
        watch.explain(ids.find(({ text }) => text.includes('nowhere'))!.id),
      ).rejects.toMatchObject({ code: 'ERR_NO_PLAN' });
      watch.close();
    }
    expect((await pool.query('select * from people')).rows).toHaveLength(1);
    expect((await pool.query('select * from pg_prepared_statements')).rows).toEqual([]);
    await data.close();
  });
});

test('of a PGlite it hears in transactions, too, and lets it go', async () => {
  const answers = {
    query: async (text: string) => ({ rows: [{ text }] }),
    transaction: async <T>(work: (within: { query(text: string): Promise<unknown> }) => T) =>
      work({ query: async (text) => ({ rows: [{ text }] }) }),
  };
  const { query: original, transaction } = answers;
  const watch = query();
  const asked = watch.watch(answers);
  await asked.query('select 1');
  await asked.transaction(async (within) => {
    await within.query('select 2');
    await within.query('select 3');
  });
  expect(watch.stats()).toMatchObject({ queriesTotal: 3, statements: 1 });
  watch.close();
  expect(answers).toEqual({ query: original, transaction });
});

test('a plan that takes long is none, and what was begun for it ends', async () => {
  const clock = fakeClock();
  const texts: string[] = [];
  const released: unknown[] = [];
  let answer: (result: unknown) => void = () => undefined;
  const client = {
    query(text: string) {
      texts.push(text);
      // The one that meets a lock.
      if (text.startsWith('prepare')) return new Promise<unknown>((resolve) => (answer = resolve));
      if (text === 'rollback') return Promise.reject(new Error('gone'));
      return Promise.resolve({ rows: [] });
    },
    release: (error?: Error) => void released.push(error?.message),
  };
  const watch = query({ clock, explainOn: { connect: async () => client } });
  watch.record({ text: 'select 1', durationMs: 1 });
  const plan = watch.explain((await idsOf(watch))[0]!.id);
  while (!texts.some((text) => text.startsWith('prepare'))) {
    // oxlint-disable-next-line no-await-in-loop -- until it is asked
    await new Promise(setImmediate);
  }
  clock.advance(5000);
  await expect(plan).rejects.toMatchObject({
    code: 'ERR_NO_PLAN',
    message: 'The server has made no plan within 5000 ms.',
  });
  expect(texts).toContain('set local statement_timeout = 5000');
  answer({ rows: [] });
  while (released.length === 0) {
    // oxlint-disable-next-line no-await-in-loop -- until it has ended
    await new Promise(setImmediate);
  }
  // A connection that cannot go back is not given to anybody else.
  expect(released).toEqual(['gone']);
  expect(clock.pending).toBe(0);
  watch.close();
});

onBothDatabases('a database that is given to the watch', (database) => {
  test('is heard of', async () => {
    const watch = query();
    const asked = watch.watch({
      query: (text: string, values?: unknown[]) => database().query(text, values),
    });
    await asked.query('select 1 as one', []);
    await asked.query('select nothing', []).catch(() => undefined);
    expect(watch.stats()).toMatchObject({ queriesTotal: 2, failedTotal: 1 });
    watch.close();
  });
});

async function idsOf(watch: QueryWatch): Promise<{ id: string; text: string }[]> {
  const app = express();
  app.use(watch);
  const served = await serve(app);
  const document = (await (await fetch(`${served.url}/api/middleware/queries`)).json()) as {
    top: { id: string; text: string }[];
  };
  await served.close();
  return document.top;
}
