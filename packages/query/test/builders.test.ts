/** Pages by Kysely and by Drizzle, over a real server. */
import { and, getTableColumns, gt, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { keyset, query, type QueryRecord } from '@org/query';
import { drizzleLogger, drizzleSeek } from '@org/query/drizzle';
import { applyKeyset, kyselyLog } from '@org/query/kysely';

import { type PostgresServer, startPostgres, withPostgres } from 'test-servers/postgres';

interface Tables {
  readonly notes: { readonly id: number; readonly title: string | null; readonly made_at: Date };
}

const notes = pgTable('notes', {
  id: integer().primaryKey(),
  title: text(),
  madeAt: timestamp('made_at').notNull(),
});
const newest = keyset({
  orderBy: [
    { column: 'title', nulls: 'last' },
    { column: 'made_at', direction: 'desc', nulls: 'none' },
  ],
  secret: 'a secret of tests',
});
/** By title, NULL last, the newest first, and then the highest id. */
const ORDER = [5, 2, 4, 3, 6, 1];

withPostgres('pages of query builders', (binaries) => {
  let server: PostgresServer;
  let pool: Pool;
  beforeAll(async () => {
    server = await startPostgres(binaries);
    pool = new Pool({ connectionString: server.url });
    pool.on('error', () => undefined);
    await pool.query(`
      create table notes (id int primary key, title text, made_at timestamp not null);
      insert into notes values
        (1, null, '2026-01-01 00:00:00.000001'), (2, 'a', '2026-01-01 00:00:00.000001'),
        (3, 'b', '2026-01-01 00:00:00.000001'), (4, 'b', '2026-01-01 00:00:00.000002'),
        (5, 'a', '2026-01-01 00:00:00.000002'), (6, null, '2026-01-01 00:00:00.000002')`);
  });
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });

  test('of Kysely are whole, in order, and have no place in their rows', async () => {
    const told: QueryRecord[] = [];
    const kysely = new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: new Pool({ connectionString: server.url, max: 1 }) }),
      log: kyselyLog({ record: (record) => void told.push(record) }),
    });
    const walked: number[] = [];
    for (let after: string | null | undefined; after !== null;) {
      const seek = newest.seek({ after, limit: 2 });
      const select = kysely.selectFrom('notes').select(['id', 'title']).where('id', '>', 0);
      // oxlint-disable-next-line no-await-in-loop -- one page after the other
      const page = seek.page(await applyKeyset(select, seek).execute());
      expect(Object.keys(page.items[0]!)).toEqual(['id', 'title']);
      walked.push(...page.items.map(({ id }) => id));
      after = page.next;
    }
    await kysely.destroy();
    expect(walked).toEqual(ORDER);
    expect(told).toHaveLength(3);
    expect(told[0]).toMatchObject({
      text: expect.stringContaining('from "notes"'),
      durationMs: expect.any(Number),
    });
  });

  test('of Drizzle are whole, in order, and have no place in their rows', async () => {
    const told: QueryRecord[] = [];
    const database = drizzle(pool, {
      logger: drizzleLogger({ record: (record) => void told.push(record) }),
    });
    const walked: number[] = [];
    for (let after: string | null | undefined; after !== null;) {
      const seek = newest.seek({ after, limit: 4 });
      const { columns, where, orderBy, limit } = drizzleSeek(sql, seek);
      // oxlint-disable-next-line no-await-in-loop -- one page after the other
      const rows = await database
        .select({ ...getTableColumns(notes), ...columns })
        .from(notes)
        .where(and(gt(notes.id, 0), where))
        .orderBy(...orderBy)
        .limit(limit);
      const page = seek.page(rows);
      expect(Object.keys(page.items[0]!)).toEqual(['id', 'title', 'madeAt']);
      walked.push(...page.items.map(({ id }) => id));
      after = page.next;
    }
    expect(walked).toEqual(ORDER);
    expect(told).toHaveLength(2);
  });

  test('of Kysely that fail are told with their error, and no time is known of Drizzle', () => {
    const watch = query();
    kyselyLog(watch)({
      level: 'error',
      error: new Error('no'),
      query: { sql: 'select 1' } as never,
      queryDurationMillis: 3,
    });
    drizzleLogger(watch).logQuery('select 2', []);
    expect(watch.stats()).toMatchObject({ queriesTotal: 2, failedTotal: 1, statements: 1 });
    watch.close();
  });
});
