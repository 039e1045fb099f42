/** Query builders over sessions, on both databases. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { relations } from 'drizzle-orm';
import { integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { eq, sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { type Generated, sql } from 'kysely';
import type { Pool } from 'pg';
import {
  db,
  type Db,
  type Driver,
  pglite,
  postgres,
  QUERY_CHANNEL,
  type QueryEvent,
  type Session,
} from '@org/db';
import { drizzleFor } from '@org/db/drizzle';
import { kyselyFor } from '@org/db/kysely';

import { startPglite, type TestPglite } from './pglite-instance.ts';
import { type PostgresServer, startPostgres, withPostgres } from 'test-servers/postgres';
import { serviceWith } from './service.ts';

interface Tables {
  readonly notes: {
    readonly id: number;
    readonly text: string;
    readonly made_at: Generated<Date>;
    readonly more: unknown;
  };
}

const notes = pgTable('notes', {
  id: integer().primaryKey(),
  text: text().notNull(),
  madeAt: timestamp('made_at', { withTimezone: true }).notNull().defaultNow(),
  more: jsonb(),
});
const notesRelations = relations(notes, () => ({}));

/** Dates of PGlite come from another realm in tests. */
const isDate = (value: unknown): boolean =>
  Object.prototype.toString.call(value) === '[object Date]';

describe('on PGlite', () => {
  let instance: TestPglite;
  beforeAll(async () => {
    instance = await startPglite();
  });
  afterAll(() => instance?.close());
  describeBuilders(() => pglite(instance));
});

withPostgres('query builders over a server', (binaries) => {
  describe('on a Postgres server', () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await startPostgres(binaries);
    });
    afterAll(() => server.stop());
    describeBuilders(() => postgres({ url: server.url, max: 3 }));
  });
});

function describeBuilders(driver: () => Driver): void {
  let data: Db;
  let session: Session;
  beforeEach(async () => {
    data = db({ driver: driver() });
    session = data.session();
    await session.query('drop table if exists notes');
    await session.query(
      'create table notes (id int primary key, text text not null, made_at timestamptz not null default now(), more jsonb)',
    );
  });
  afterEach(() => data.close());
  const ids = async (): Promise<number[]> =>
    (await session.query<{ id: number }>('select id from notes order by id')).rows.map(
      ({ id }) => id,
    );

  describe('Kysely', () => {
    test('runs in the session, and counts what it changes', async () => {
      const kysely = kyselyFor<Tables>(data).over(session);
      const made = await kysely
        .insertInto('notes')
        .values([1, 2, 3].map((id) => ({ id, text: `note ${id}`, more: JSON.stringify({ id }) })))
        .executeTakeFirst();
      expect(made.numInsertedOrUpdatedRows).toBe(3n);
      const changed = await kysely
        .updateTable('notes')
        .set({ text: 'x' })
        .where('id', '>', 1)
        .executeTakeFirst();
      expect(changed.numUpdatedRows).toBe(2n);
      const read = await kysely
        .selectFrom('notes')
        .selectAll()
        .where('id', '=', 1)
        .executeTakeFirstOrThrow();
      expect(read).toMatchObject({ id: 1, text: 'note 1', more: { id: 1 } });
      expect(isDate(read.made_at)).toBe(true);
    });

    test('has transactions that are the session’s', async () => {
      const kysely = kyselyFor<Tables>(data).over(session);
      const failed = kysely.transaction().execute(async (trx) => {
        await trx.insertInto('notes').values({ id: 1, text: 'a', more: null }).execute();
        // What is asked of the session meanwhile is in it.
        await session.query("insert into notes values (2, 'b')");
        throw new Error('on second thoughts');
      });
      await expect(failed).rejects.toThrow('on second thoughts');
      expect(await ids()).toEqual([]);
      const level = await kysely
        .transaction()
        .setIsolationLevel('serializable')
        .execute((trx) =>
          sql<{ transaction_isolation: string }>`show transaction isolation level`.execute(trx),
        );
      expect(level.rows).toEqual([{ transaction_isolation: 'serializable' }]);
    });

    test('has savepoints in transactions that it ends by hand', async () => {
      const kysely = kyselyFor<Tables>(data).over(session);
      const trx = await kysely.startTransaction().execute();
      const insert = (id: number) =>
        trx.insertInto('notes').values({ id, text: 'x', more: null }).execute();
      await insert(1);
      const saved = await trx.savepoint('here').execute();
      await insert(2);
      await expect(insert(2)).rejects.toMatchObject({ code: '23505' });
      await saved.rollbackToSavepoint('here').execute();
      await insert(3);
      await saved.releaseSavepoint('here').execute();
      await trx.commit().execute();
      expect(await ids()).toEqual([1, 3]);
    });

    test('runs over a transaction of the session’s', async () => {
      const kyselies = kyselyFor<Tables>(data);
      await session.transaction(async (tx) => {
        const inside = kyselies.over(tx);
        await inside.insertInto('notes').values({ id: 1, text: 'a', more: null }).execute();
        await inside
          .transaction()
          .execute(async (part) => {
            await part.insertInto('notes').values({ id: 2, text: 'b', more: null }).execute();
            throw new Error('this part');
          })
          .catch(() => undefined);
      });
      expect(await ids()).toEqual([1]);
    });

    test('streams by a cursor', async () => {
      await session.query("insert into notes select n, 'x' from generate_series(1, 25) n");
      const read: number[] = [];
      const rows = kyselyFor<Tables>(data)
        .over(session)
        .selectFrom('notes')
        .select('id')
        .where('id', '>', 5)
        .orderBy('id')
        .stream(10);
      for await (const { id } of rows) read.push(id);
      expect(read).toEqual(Array.from({ length: 20 }, (_, at) => at + 6));
      // One that is left half-way gives back what it has.
      const first = kyselyFor<Tables>(data)
        .over(session)
        .selectFrom('notes')
        .select('id')
        .stream(2);
      for await (const { id } of first) {
        read.push(id);
        break;
      }
      expect(data.stats()).toMatchObject({ transactions: { active: 0 } });
    });

    test('takes part in the unit of work of a request', async () => {
      const { url, close } = await serviceWith(
        { driver: driver(), unitOfWork: true },
        (app, sessions) => {
          const kyselies = kyselyFor<Tables>(sessions);
          app.get('/:status', async (req, res) => {
            const own = kyselies.of(req);
            expect(kyselies.of(req)).toBe(own);
            await own.insertInto('notes').values({ id: 1, text: 'a', more: null }).execute();
            await own
              .transaction()
              .execute((trx) =>
                trx.insertInto('notes').values({ id: 2, text: 'b', more: null }).execute(),
              );
            res.status(Number(req.params.status)).json({});
          });
        },
      );
      await fetch(`${url}/500`);
      expect(await ids()).toEqual([]);
      await fetch(`${url}/200`);
      expect(await ids()).toEqual([1, 2]);
      await close();
    });
  });

  describe('Drizzle', () => {
    const schema = { notes, notesRelations };
    const orms = (of: Db) => drizzleFor(of, (pool: Pool) => drizzle(pool, { schema }));

    test('runs in the session, and reads types for itself', async () => {
      const orm = orms(data).over(session);
      await orm.insert(notes).values([
        { id: 1, text: 'a', more: { list: [1, 2] } },
        { id: 2, text: 'b' },
      ]);
      const [read] = await orm.select().from(notes).where(eq(notes.id, 1));
      expect(read).toMatchObject({ id: 1, text: 'a', more: { list: [1, 2] } });
      expect(isDate(read?.madeAt)).toBe(true);
      const found = await orm.query.notes.findMany({ columns: { id: true } });
      expect(found).toEqual([{ id: 1 }, { id: 2 }]);
      const { rows } = await orm.execute(drizzleSql`select count(*)::int as count from notes`);
      expect(rows).toEqual([{ count: 2 }]);
    });

    test('tells of statements by the line that awaits them, in transactions, too', async () => {
      const heard: unknown[] = [];
      const hear = (told: unknown): void => void heard.push((told as QueryEvent).callSite);
      const orm = orms(data).over(session);
      subscribe(QUERY_CHANNEL, hear);
      await orm.select().from(notes);
      await Promise.all([orm.select().from(notes), orm.select().from(notes)]);
      await orm.transaction(async (tx) => {
        await tx.insert(notes).values({ id: 1, text: 'a' });
        await tx.select().from(notes);
      });
      unsubscribe(QUERY_CHANNEL, hear);
      expect(heard).toEqual(Array(5).fill(expect.stringMatching(/builders\.test\.ts:\d+:\d+$/)));
    });

    test('has transactions and savepoints that are the session’s', async () => {
      const orm = orms(data).over(session);
      await orm.transaction(
        async (tx) => {
          await tx.insert(notes).values({ id: 1, text: 'a' });
          await session.query("insert into notes values (2, 'b')");
          await tx
            .transaction(async (part) => {
              await part.insert(notes).values({ id: 3, text: 'c' });
              throw new Error('this part');
            })
            .catch(() => undefined);
          await tx.transaction((part) => part.insert(notes).values({ id: 4, text: 'd' }));
        },
        { isolationLevel: 'serializable', accessMode: 'read write' },
      );
      expect(await ids()).toEqual([1, 2, 4]);
      const failed = orm.transaction(async (tx) => {
        await tx.insert(notes).values({ id: 5, text: 'e' });
        tx.rollback();
      });
      await expect(failed).rejects.toThrow('Rollback');
      expect(await ids()).toEqual([1, 2, 4]);
      const wrote = orm.transaction((tx) => tx.insert(notes).values({ id: 6, text: 'f' }), {
        accessMode: 'read only',
      });
      await expect(wrote).rejects.toMatchObject({ cause: { code: '25006' } });
    });

    test('takes part in the unit of work of a request', async () => {
      const { url, close } = await serviceWith(
        { driver: driver(), unitOfWork: true },
        (app, sessions) => {
          const drizzles = orms(sessions);
          app.get('/:status', async (req, res) => {
            await drizzles.of(req).insert(notes).values({ id: 1, text: 'a' });
            await drizzles
              .of(req)
              .transaction((tx) => tx.insert(notes).values({ id: 2, text: 'b' }));
            res.status(Number(req.params.status)).json({});
          });
        },
      );
      await fetch(`${url}/500`);
      expect(await ids()).toEqual([]);
      await fetch(`${url}/200`);
      expect(await ids()).toEqual([1, 2]);
      await close();
    });
  });
}
