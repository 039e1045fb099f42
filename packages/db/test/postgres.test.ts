/** Sessions and their pool on a real server: its limits, its crashes, and what it does not answer. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect } from 'node:net';
import { Client, Pool } from 'pg';
import {
  db,
  type Db,
  type DbOptions,
  type Leak,
  type PoolEvent,
  postgres,
  type Session,
} from '@org/db';
import { timeout } from '@org/timeout';
import { setup } from '@org/setup';
import { type Fault, FAULT_CHANNEL } from '@org/core';
import { fakeClock, recordExchanges, serve } from '@org/core/testing';
import express from 'express';

import { type PostgresServer, startPostgres, withPostgres } from 'test-servers/postgres';
import { serviceWith } from './service.ts';
import { describeSessions } from './session-suite.ts';

withPostgres('sessions over a server', (binaries) => {
  let server: PostgresServer;
  const opened: Db[] = [];
  beforeAll(async () => {
    server = await startPostgres(binaries);
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  const open = (options: Partial<DbOptions> = {}, max = 4): Db => {
    const data = db({ driver: postgres({ url: server.url, max }), ...options });
    opened.push(data);
    return data;
  };
  /** Asks the server by a connection of its own. */
  async function ask<R extends object>(text: string): Promise<R[]> {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      return (await client.query<R>(text)).rows;
    } finally {
      await client.end();
    }
  }
  /** Waits until the server says so. */
  async function until(condition: string): Promise<void> {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- it is asked until it is so
      const [row] = await ask<{ so: boolean }>(`select (${condition}) as so`);
      if (row?.so === true) return;
    }
  }
  const SLEEPS =
    "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid()";

  describe('sessions on a Postgres server', () => {
    describeSessions(() => postgres({ url: server.url, max: 4 }));
  });

  describe('limits', () => {
    const limits = async (session: Session, options = {}): Promise<unknown> =>
      session.transaction(async (tx) => {
        const { rows } = await tx.query(
          "select current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle",
        );
        return rows[0];
      }, options);

    test('of a transaction reach the server, and end with it', async () => {
      const session = open(
        { statementTimeoutMs: 20_000, idleInTransactionTimeoutMs: 9000 },
        1,
      ).session();
      expect(await limits(session)).toEqual({ statement: '20s', idle: '9s' });
      expect(await limits(session, { timeoutMs: 1500 })).toEqual({
        statement: '1500ms',
        idle: '1500ms',
      });
      expect((await session.query('show statement_timeout')).rows).toEqual([
        { statement_timeout: '20s' },
      ]);
    });

    test('are what is left of the request', async () => {
      let seen: unknown;
      const data = open();
      const app = express();
      const stack = setup(app, [data, timeout({ timeoutMs: 30_000 })]);
      app.get('/', async (req, res) => {
        seen = await limits(data.of(req));
        res.json({});
      });
      const served = await serve(await stack.listen(0, '127.0.0.1'));
      await fetch(served.url);
      await served.close();
      await stack.close();
      const { statement } = seen as { statement: string };
      const ms = statement.endsWith('ms') ? Number.parseInt(statement, 10) : 30_000;
      expect(ms).toBeGreaterThan(0);
      expect(ms).toBeLessThanOrEqual(30_000);
    });

    test('of its own end a transaction, and stop its statement on the server', async () => {
      const data = open({ statementTimeoutMs: 0 });
      const late = data
        .session()
        .transaction((tx) => tx.query('select pg_sleep(60)'), { timeoutMs: 100 });
      await expect(late).rejects.toMatchObject({ code: 'ERR_TRANSACTION_TIMEOUT' });
      await until(`(${SLEEPS}) = 0`);
      const { rows } = await data.session().query('select 1 as one');
      expect(rows).toEqual([{ one: 1 }]);
    });
  });

  describe('a request that is given up', () => {
    /** Asks for a route that sleeps in the database, and leaves once it does. */
    async function leave(path: string, options: Partial<DbOptions> = {}): Promise<unknown> {
      const recorder = recordExchanges();
      let failed: (error: unknown) => void = () => undefined;
      const failure = new Promise<unknown>((resolve) => (failed = resolve));
      const service = await serviceWith(
        { driver: postgres({ url: server.url, max: 2 }), ...options },
        (app, data) => {
          app.use(recorder.middleware);
          app.get('/alone', async (req) => {
            await data.of(req).query('select pg_sleep(60)').catch(failed);
          });
          app.get('/unit', data.unitOfWork(), async (req) => {
            await data.of(req).query('create table if not exists left_behind (id int)');
            await data.of(req).query('select pg_sleep(60)').catch(failed);
          });
          app.get('/transaction', async (req) => {
            await data
              .of(req)
              .transaction(async (tx) => {
                await tx.query('create table if not exists left_behind (id int)');
                await tx.query('select pg_sleep(60)');
              })
              .catch(failed);
          });
        },
        'app.use',
      );
      const socket = connect(service.port, '127.0.0.1');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await until(`(${SLEEPS}) = 1`);
      socket.destroy();
      const error = await failure;
      await until(`(${SLEEPS}) = 0`);
      // The connection is as good as new.
      for (let turn = 0; turn < 4; turn++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await service.data.session().query('select 1');
      }
      expect(service.data.stats()).toMatchObject({ cancelledTotal: 1 });
      await service.close();
      return error;
    }

    test('has its statement stopped', async () => {
      expect(await leave('/alone')).toMatchObject({ code: 'ERR_REQUEST_ABORTED', status: 499 });
    });

    test.each(['/transaction', '/unit'])('has all of %s stopped and rolled back', async (path) => {
      expect(await leave(path)).toMatchObject({ code: 'ERR_REQUEST_ABORTED' });
      expect(await ask("select to_regclass('left_behind') as found")).toEqual([{ found: null }]);
    });
  });

  describe('contention', () => {
    async function counters(): Promise<void> {
      await ask('drop table if exists counters');
      await ask('create table counters (id int primary key, value int)');
      await ask('insert into counters values (1, 0), (2, 0)');
    }

    /** Two at once read and write the same row, each after the other has read. */
    async function compete(data: Db, retries: number): Promise<PromiseSettledResult<unknown>[]> {
      let readers = 0;
      let bothRead: () => void = () => undefined;
      const both = new Promise<void>((resolve) => (bothRead = resolve));
      const add = (): Promise<unknown> =>
        data.session().transaction(
          async (tx) => {
            const { rows } = await tx.query<{ value: number }>(
              'select value from counters where id = 1',
            );
            if (++readers === 2) bothRead();
            await both;
            await tx.query('update counters set value = $1 where id = 1', [rows[0]!.value + 1]);
          },
          { isolation: 'serializable', retries },
        );
      return Promise.allSettled([add(), add()]);
    }

    test('is told by a code that says to come back', async () => {
      await counters();
      const results = await compete(open(), 0);
      const lost = results.find((result) => result.status === 'rejected');
      expect(lost?.reason).toMatchObject({
        code: 'ERR_SERIALIZATION_FAILURE',
        status: 503,
        headers: { 'Retry-After': '1' },
        cause: { code: '40001' },
      });
      expect(await ask('select value from counters where id = 1')).toEqual([{ value: 1 }]);
    });

    test('is met by doing the whole work again, where that is declared', async () => {
      await counters();
      const data = open();
      const results = await compete(data, 5);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
      expect(await ask('select value from counters where id = 1')).toEqual([{ value: 2 }]);
      const { transactions } = data.stats() as { transactions: { retriedTotal: number } };
      expect(transactions.retriedTotal).toBeGreaterThan(0);
    });

    test('in a deadlock is told apart', async () => {
      await counters();
      const data = open();
      let holders = 0;
      let bothHold: () => void = () => undefined;
      const both = new Promise<void>((resolve) => (bothHold = resolve));
      const lock = (first: number, second: number): Promise<unknown> =>
        data.session().transaction(async (tx) => {
          await tx.query('update counters set value = 9 where id = $1', [first]);
          if (++holders === 2) bothHold();
          await both;
          await tx.query('update counters set value = 9 where id = $1', [second]);
        });
      const results = await Promise.allSettled([lock(1, 2), lock(2, 1)]);
      const lost = results.find((result) => result.status === 'rejected');
      expect(lost?.reason).toMatchObject({ code: 'ERR_DEADLOCK', cause: { code: '40P01' } });
    });
  });

  describe('another transaction within one', () => {
    test('is on another connection, and is not taken back with it', async () => {
      const session = open().session();
      await ask('drop table if exists audits');
      await ask('create table audits (id int)');
      const failed = session.transaction(async (tx) => {
        await tx.query('insert into audits values (1)');
        await tx.transaction((own) => own.query('insert into audits values (2)'), {
          propagation: 'requires-new',
        });
        throw new Error('on second thoughts');
      });
      await expect(failed).rejects.toThrow('on second thoughts');
      expect(await ask('select id from audits')).toEqual([{ id: 2 }]);
    });

    test('is refused where all who have a connection would wait for another', async () => {
      const data = open({}, 2);
      let holders = 0;
      let bothHold: () => void = () => undefined;
      const both = new Promise<void>((resolve) => (bothHold = resolve));
      const outer = (): Promise<unknown> =>
        data.session().transaction(async (tx) => {
          await tx.query('select 1');
          if (++holders === 2) bothHold();
          await both;
          return tx.transaction((inner) => inner.query('select 2'), {
            propagation: 'requires-new',
          });
        });
      const results = await Promise.allSettled([outer(), outer()]);
      const refused = results.filter((result) => result.status === 'rejected');
      expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual([
        'ERR_SELF_DEADLOCK',
      ]);
    });
  });

  describe('the pool', () => {
    test('that is full is waited for only so long; the longest holder is named', async () => {
      const clock = fakeClock();
      const data = open({ clock, lineEvery: 1 }, 2);
      const held = data.session().begin();
      await held.query('select 42');
      const other = data.session().begin();
      await other.query('select 43');
      const waiting = data.session().query('select 1');
      clock.advance(5000);
      await expect(waiting).rejects.toMatchObject({
        code: 'ERR_DATABASE_BUSY',
        status: 503,
        message: expect.stringMatching(
          /all 2 are in use\. The longest is that of no request, since \d+ ms, from [^ ]*postgres\.test\.ts:\d+:\d+, with the last statement "select 42"/,
        ),
      });
      expect(await data.health(AbortSignal.timeout(5000))).toMatchObject({
        status: 'warn',
        detail: expect.stringContaining('all 2 connections are in use'),
      });
      await Promise.all([held.commit(), other.commit()]);
      clock.advance(1000);
      expect(await data.health(AbortSignal.timeout(5000))).toMatchObject({ status: 'pass' });
    });

    test('of yours is watched without being changed for good, and stays open', async () => {
      const pool = new Pool({ connectionString: server.url, max: 3 });
      const data = db({ driver: postgres(pool) });
      await Promise.all([1, 2].map(() => data.session().query('select 1')));
      // Whoever uses the pool directly is seen, too: by promise, by callback, and for one statement.
      const client = await pool.connect();
      expect(data.stats()).toMatchObject({ pool: { capacity: 3, inUse: 1 } });
      client.release();
      await new Promise<void>((resolve, reject) =>
        pool.connect((error, given, done) => {
          done();
          if (error) reject(error);
          else resolve();
        }),
      );
      await pool.query('select $1::int as one', [1]);
      const { pool: numbers } = data.stats() as { pool: Record<string, { max: number }> };
      expect(numbers).toMatchObject({ acquiredTotal: 5, inUse: 0, leaks: 0 });
      for (const name of ['acquireMs', 'useMs', 'idleMs']) {
        expect(numbers[name]?.max).toBeGreaterThan(0);
      }
      await data.close();
      expect(Object.hasOwn(pool, 'connect')).toBe(false);
      expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      await pool.end();
    });

    test('tells who keeps a connection, takes it away when asked, and hears of late returns', async () => {
      const events: PoolEvent[] = [];
      let heard: () => void = () => undefined;
      const pool = new Pool({ connectionString: server.url, max: 3 });
      pool.on('error', () => undefined);
      const { url, data, close } = await serviceWith(
        {
          driver: postgres(pool),
          orphanAfterMs: 0,
          lineEvery: 1,
          destroyOrphans: true,
          onPoolEvent: (event) => {
            events.push(event);
            heard();
          },
        },
        (app, sessions) => {
          app.get('/forgets/:id', async (req, res) => {
            const forgotten = sessions.of(req).begin();
            await forgotten.query('select $1::text as secret', ['password']);
            res.json({});
          });
        },
      );
      const gone = new Promise<void>((resolve) => {
        heard = () => {
          if (events.at(-1)?.type === 'destroyed') resolve();
        };
      });
      await fetch(`${url}/forgets/7`);
      const route = `${url}/api/middleware/database-pool`;
      await gone;
      expect(events.map(({ type }) => type)).toEqual(['leak', 'destroyed']);
      const { leak } = events[0] as { leak: Leak };
      expect(leak).toMatchObject({
        kind: 'orphaned',
        method: 'GET',
        route: '/forgets/:id',
        line: expect.stringMatching(/postgres\.test\.ts:\d+:\d+$/),
        query: 'select $1::text as secret',
        running: false,
      });
      expect(JSON.stringify(leak)).not.toContain('password');
      const document = (await (await fetch(route)).json()) as Record<string, unknown>;
      expect(document).toMatchObject({
        driver: 'postgres',
        pool: { inUse: 0, orphanedTotal: 1, destroyedOrphansTotal: 1, leaks: 0 },
        leaks: [],
      });
      expect(pool.totalCount).toBe(0);
      await data.session().query('select 1');
      await close();
      await pool.end();
    });

    test('has a route that is closed to strangers', async () => {
      const { url, close } = await serviceWith(
        { driver: postgres({ url: server.url }), access: () => false },
        () => undefined,
      );
      const answer = await fetch(`${url}/api/middleware/database-pool`);
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ code: 'ERR_MONITORING_CLOSED' });
      await close();
    });
  });

  describe('a server that fails', () => {
    test('never ends the process, is told by a code, and is found again', async () => {
      const data = open({ acquireTimeoutMs: 20_000 }, 3);
      const idle = await Promise.all([1, 2].map(() => data.session().query('select 1')));
      expect(idle).toHaveLength(2);
      const held = data.session().begin();
      await held.query('select 1');
      const running = data.session().query('select pg_sleep(60)');
      const failed = running.catch((error: unknown) => error);
      await until(`(${SLEEPS}) = 1`);
      await server.crash();
      expect(await failed).toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE', status: 503 });
      await expect(data.session().query('select 1')).rejects.toMatchObject({
        code: 'ERR_DATABASE_UNAVAILABLE',
      });
      expect(await data.health(AbortSignal.timeout(5000))).toMatchObject({ status: 'fail' });
      await expect(held.query('select 1')).rejects.toMatchObject({
        code: 'ERR_DATABASE_UNAVAILABLE',
      });
      await held.rollback();
      await server.restart();
      expect((await data.session().query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      expect(await data.health(AbortSignal.timeout(5000))).toEqual({ status: 'pass' });
    });

    test('that lost its idle connections costs a transaction nothing', async () => {
      const data = open({}, 1);
      await data.session().query('select 1');
      const faults: Fault[] = [];
      const hear = (fault: unknown): void => void faults.push(fault as Fault);
      subscribe(FAULT_CHANNEL, hear);
      await ask(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'express'",
      );
      const { rows } = await data
        .session()
        .transaction((tx) => tx.query<{ one: number }>('select 1 as one'));
      expect(rows).toEqual([{ one: 1 }]);
      unsubscribe(FAULT_CHANNEL, hear);
      // What idle connections say at their end goes nowhere else, and ends nothing.
      for (const { where } of faults) expect(where).toBe('idle database connection');
      expect(data.stats()).toMatchObject({ pool: { idleErrorsTotal: faults.length } });
    });

    test('that says nothing about a commit leaves it unknown', async () => {
      const data = open({}, 1);
      const lost = data.session().transaction(async (tx) => {
        const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
        await ask(`select pg_terminate_backend(${rows[0]!.pid})`);
      });
      await expect(lost).rejects.toMatchObject({ code: 'ERR_COMMIT_UNKNOWN' });
      expect(data.stats()).toMatchObject({ transactions: { commitUnknownTotal: 1 } });
    });

    test('that hangs in a commit has the deadline answer, and cuts nobody off', async () => {
      const data = open({ unitOfWork: true });
      const app = express();
      const stack = setup(app, [data, timeout({ timeoutMs: 1500 })]);
      app.post('/', async (req, res) => {
        await data.of(req).query('create table if not exists hung (id int)');
        server.pause();
        res.status(201).json({});
      });
      const served = await serve(await stack.listen(0, '127.0.0.1'));
      const answer = await fetch(served.url, { method: 'POST' });
      server.resume();
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ code: 'ERR_TIMEOUT' });
      await served.close();
      await stack.close();
    });

    test('that hangs is given up in bounded time, and its connections are destroyed', async () => {
      const service = await serviceWith(
        {
          driver: postgres({ url: server.url, max: 1 }),
          cancelTimeoutMs: 100,
          acquireTimeoutMs: 300,
        },
        (app, data) => {
          app.get('/', async (req, res) => {
            res.json((await data.of(req).query('select 1')).rows);
          });
        },
      );
      const isInUse = (): boolean =>
        (service.data.stats() as { pool: { inUse: number } }).pool.inUse === 1;
      const found = async (): Promise<boolean> => (await fetch(service.url)).status === 200;
      while (!(await found()));
      server.pause();
      try {
        const left = new AbortController();
        const asked = fetch(service.url, { signal: left.signal }).catch(() => 'left');
        while (!isInUse()) await new Promise(setImmediate);
        left.abort();
        expect(await asked).toBe('left');
        const refused = await fetch(service.url);
        expect(refused.status).toBe(503);
        expect(await refused.json()).toMatchObject({
          code: expect.stringMatching(/^ERR_DATABASE_(?:BUSY|UNAVAILABLE)$/),
        });
      } finally {
        server.resume();
      }
      // A new connection may take longer than these limits; then another one is made.
      while (!(await found()));
      await service.close();
    });
  });

  test('a pool of its own ends though somebody keeps a connection', async () => {
    const data = db({ driver: postgres({ url: server.url, max: 2 }) });
    const kept = data.session().begin();
    await kept.query('select 1');
    const closing = new AbortController();
    const closed = data.close(closing.signal);
    closing.abort();
    await closed;
    await until("(select count(*) from pg_stat_activity where state = 'idle in transaction') = 0");
    expect(data.stats()).toMatchObject({ pool: { size: 0, inUse: 0 } });
  });
});
