import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import express, { type Express } from 'express';
import { Client, Pool, type PoolClient } from 'pg';
import { exchangeOf } from '@org/core';
import { fakeClock, type Served } from '@org/core/testing';
import { setup } from '@org/setup';
import {
  idempotency,
  type TransactionHandler,
  transactional,
  type TransactionalOptions,
} from '@org/dedup';
import { postgresRecords, postgresTable } from '@org/dedup/postgres';
import { Gate, send, serveApp, until } from './clients.ts';
import { type PostgresServer, startPostgres, withPostgres } from 'test-servers/postgres';

const ROOT = join(__dirname, '../../..');
const BOOKINGS =
  'CREATE TABLE IF NOT EXISTS bookings (id serial PRIMARY KEY, key text NOT NULL, amount int NOT NULL)';

const records = postgresRecords<PoolClient>({
  query: async (tx, sql, parameters) =>
    (await tx.query<Record<string, unknown>>(sql, [...parameters])).rows,
});

async function inTransaction<T>(
  pool: Pool,
  work: (tx: PoolClient) => Promise<T>,
  begin = 'BEGIN',
): Promise<T> {
  const tx = await pool.connect();
  try {
    await tx.query(begin);
    const result = await work(tx);
    await tx.query('COMMIT');
    return result;
  } catch (error) {
    await tx.query('ROLLBACK');
    throw error;
  } finally {
    tx.release();
  }
}

test('transactional mode on PGlite, in a process of its own: its modules are none for Jest', async () => {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=@org/source', join(__dirname, 'pglite-crowd.ts')],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(0);
  expect(JSON.parse(output)).toEqual({
    statuses: { '201': 20 },
    replayed: 19,
    mismatch: 422,
    bookings: 2,
    bytes: [0, 1, 255],
    pruned: 2,
  });
});

withPostgres('the transactional mode', (binaries) => {
  describe('transactional mode on a Postgres server', () => {
    let postgres: PostgresServer;
    let client: Client;
    const children = new Set<ChildProcess>();
    beforeAll(async () => {
      postgres = await startPostgres(binaries);
      client = new Client({ connectionString: postgres.url });
      await client.connect();
      await client.query(BOOKINGS);
      await client.query(postgresTable());
    });
    afterAll(async () => {
      for (const child of children) child.kill('SIGKILL');
      await client.end();
      await postgres.stop();
    });

    /** A process of its own that books. */
    async function launch(): Promise<{ url: string; child: ChildProcess }> {
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', '--conditions=@org/source', join(__dirname, 'transaction-server.ts')],
        {
          cwd: ROOT,
          env: { PATH: process.env['PATH'], DATABASE_URL: postgres.url },
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        },
      );
      children.add(child);
      const [{ port }] = (await once(child, 'message')) as [{ port: number }];
      return { url: `http://127.0.0.1:${port}/book`, child };
    }

    async function kill(child: ChildProcess): Promise<void> {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      children.delete(child);
    }

    const effects = async (): Promise<Record<string, number>> => {
      const { rows } = await client.query<{ key: string; n: number }>(
        'SELECT key, count(*)::int AS n FROM bookings GROUP BY key',
      );
      return Object.fromEntries(rows.map(({ key, n }) => [key, n]));
    };

    it('killed at any step it has done all of it or nothing: tried again, exactly once', async () => {
      let running = await launch();
      for (const step of [
        'asked',
        'begun',
        'taken',
        'worked',
        'finished',
        'committing',
        'committed',
      ]) {
        const { url, child } = running;
        const headers = { 'x-stop-at': step };
        const cut = send(url, step, { amount: 1 }, { headers }).catch(() => 'cut');
        const [message] = (await once(child, 'message')) as [unknown];
        expect(message).toEqual({ stopped: step });
        await kill(child);
        expect(await cut).toBe('cut');
        running = await launch();
        const again = await send(running.url, step);
        expect([step, again.status, again.text]).toEqual([step, 201, '{"amount":1}']);
        // Whether a commit that was on its way got there is for the database to know.
        const replays = step === 'committing' ? [true, false] : [step === 'committed'];
        expect(replays).toContain(again.headers.has('idempotency-replayed'));
        expect([step, (await effects())[step]]).toEqual([step, 1]);
        expect((await send(running.url, step)).headers.get('idempotency-replayed')).toBe('true');
      }
      await kill(running.child);
    });

    it('killed under a load of duplicates it doubles nothing and leaves nothing stuck', async () => {
      await client.query('TRUNCATE bookings');
      let running = await launch();
      const keys = Array.from({ length: 60 }, (_, at) => `load-${at}`);
      const answered = new Set<string>();
      for (let round = 0; answered.size < keys.length; round++) {
        const { url, child } = running;
        const pending = keys
          .filter((key) => !answered.has(key))
          .flatMap((key) => Array.from({ length: 5 }, () => key))
          .map(async (key) => {
            const answer = await send(url, key).catch(() => undefined);
            if (answer?.status === 201) answered.add(key);
          });
        if (round < 3) {
          await Promise.race(pending);
          await kill(child);
          running = await launch();
        }
        await Promise.all(pending);
      }
      expect(await effects()).toEqual(Object.fromEntries(keys.map((key) => [key, 1])));
      await kill(running.child);
    });

    describe('with one connection, as PGlite has', () => {
      let pool: Pool;
      let served: Served | undefined;
      beforeAll(() => {
        pool = new Pool({ connectionString: postgres.url, max: 1 });
      });
      afterAll(() => pool.end());
      beforeEach(() => client.query('TRUNCATE bookings; TRUNCATE idempotency_keys'));
      afterEach(async () => {
        await served?.close();
        served = undefined;
      });

      const begin = <T>(work: (tx: PoolClient) => Promise<T>): Promise<T> =>
        inTransaction(pool, work);

      async function start(
        handler: TransactionHandler<PoolClient>,
        options: Partial<TransactionalOptions<PoolClient>> = {},
        ahead: (app: Express) => void = () => undefined,
      ): Promise<{ url: string; count: (name: string) => number; rows: () => Promise<number> }> {
        const keyed = transactional<PoolClient>({
          records,
          transaction: begin,
          ...options,
        });
        served = await serveApp([], (app) => app.post('/book', keyed(handler)), undefined, ahead);
        return {
          url: `${served.url}/book`,
          count: (name) => Number(keyed.stats?.()[name]),
          rows: async () =>
            (await client.query<{ n: number }>('SELECT count(*)::int AS n FROM bookings')).rows[0]!
              .n,
        };
      }

      const book: TransactionHandler<PoolClient> = async (tx, req) => {
        const { amount } = req.body as { amount: number };
        const { rows } = await tx.query<{ id: number }>(
          'INSERT INTO bookings (key, amount) VALUES ($1, $2) RETURNING id',
          [req.get('idempotency-key') ?? 'none', amount],
        );
        return {
          status: 201,
          headers: {
            Location: `/book/${rows[0]!.id}`,
            'Set-Cookie': 'a=1',
            Link: ['</a>', '</b>'],
          },
          body: { amount, at: new Date(0) },
        };
      };

      it('commits effect and record as one, and gives the answer again', async () => {
        const { url, rows } = await start(book);
        const first = await send(url, 'k');
        const again = await send(url, 'k');
        expect([first.status, first.text]).toEqual([
          201,
          '{"amount":1,"at":"1970-01-01T00:00:00.000Z"}',
        ]);
        expect([again.status, again.text]).toEqual([first.status, first.text]);
        expect(again.headers.get('location')).toBe(first.headers.get('location'));
        expect(again.headers.get('link')).toBe('</a>, </b>');
        expect([first.headers.get('set-cookie'), again.headers.get('set-cookie')]).toEqual([
          'a=1',
          null,
        ]);
        expect(again.headers.get('idempotency-replayed')).toBe('true');
        expect((await send(url, 'k', { amount: 2 })).status).toBe(422);
        expect(await rows()).toBe(1);
      });

      it('runs a crowd of duplicates once, without a deadlock, in one transaction', async () => {
        const gate = new Gate();
        let transactions = 0;
        const { url, rows, count } = await start(
          async (...given) => {
            await gate.opened;
            return book(...given);
          },
          {
            transaction: (work) => {
              transactions++;
              return begin(work);
            },
          },
        );
        const all = Array.from({ length: 30 }, () => send(url, 'k'));
        await until(() => count('waiting') === 29);
        gate.let();
        const answers = await Promise.all(all);
        expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
        for (const { headers } of answers.filter(({ headers: own }) =>
          own.has('idempotency-replayed'),
        )) {
          expect(headers.has('set-cookie')).toBe(false);
        }
        expect([await rows(), transactions]).toEqual([1, 1]);
      });

      it('may refuse duplicates at once, and lets none wait longer than it says', async () => {
        for (const inFlight of ['refuse', 'wait'] as const) {
          const clock = fakeClock();
          const gate = new Gate();
          const { url, count } = await start(
            async (...given) => {
              await gate.opened;
              return book(...given);
            },
            { inFlight, clock, maxWaitMs: 1000 },
          );
          const first = send(url, inFlight);
          await until(() => count('running') === 1);
          const second = send(url, inFlight);
          if (inFlight === 'wait') {
            await until(() => count('waiting') === 1);
            clock.advance(1200);
          }
          const { status, code } = await second;
          expect([status, code]).toEqual([409, 'ERR_IDEMPOTENCY_IN_FLIGHT']);
          gate.let();
          expect((await first).status).toBe(201);
          await served?.close();
        }
      });

      it('rolls everything back when the handler throws: the key is free, for another body too', async () => {
        let fails = true;
        const { url, rows, count } = await start(async (...given) => {
          const answer = await book(...given);
          if (fails) throw new Error('deliberate');
          return answer;
        });
        expect((await send(url, 'k')).status).toBe(500);
        expect(await rows()).toBe(0);
        expect(count('releasedTotal')).toBe(1);
        fails = false;
        expect((await send(url, 'k', { amount: 7 })).status).toBe(201);
        expect(await rows()).toBe(1);
      });

      it('keeps no refusal: its effects commit, and the key is free', async () => {
        let status = 409;
        const { url } = await start(async () => Promise.resolve({ status, body: { status } }));
        expect((await send(url, 'k')).status).toBe(409);
        status = 200;
        expect((await send(url, 'k')).text).toBe('{"status":200}');
      });

      it('works without a key, unless one is required; and checks its form', async () => {
        const { url, rows } = await start(book);
        expect((await send(url, undefined)).status).toBe(201);
        expect((await send(url, undefined)).status).toBe(201);
        expect(await rows()).toBe(2);
        expect((await send(url, 'a b')).status).toBe(400);
        await served?.close();
        const strict = await start(book, { required: true });
        expect((await send(strict.url, undefined)).code).toBe('ERR_IDEMPOTENCY_KEY_REQUIRED');
      });

      it('takes text, bytes and nothing for a body; goes through transform stages each time', async () => {
        const bodies: unknown[] = ['text', Buffer.from([0, 255]), undefined, null, 0];
        const { url } = await start(async (_tx, req) =>
          Promise.resolve({ body: bodies[Number(req.get('x-at'))] }),
        );
        for (const at of bodies.keys()) {
          const options = { headers: { 'x-at': String(at) } };
          const first = await send(url, `k${at}`, {}, options);
          const again = await send(url, `k${at}`, {}, options);
          expect([again.status, again.text]).toEqual([200, first.text]);
          expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
        }
        expect((await send(url, 'k3', {}, { headers: { 'x-at': '3' } })).text).toBe('null');
      });

      it('takes what a handler sends itself, or no answer, for the fault it is, and rolls back', async () => {
        const { url, rows } = await start(async (tx, req, res) => {
          await book(tx, req, res);
          return (req.get('x-how') === 'none' ? undefined : { status: 99 }) as never;
        });
        expect((await send(url, 'a', undefined, { headers: { 'x-how': 'none' } })).status).toBe(
          500,
        );
        expect((await send(url, 'b')).status).toBe(500);
        await served?.close();
        const sends = await start(async (tx, req, res) => {
          const answer = await book(tx, req, res);
          res.status(201).end();
          return answer;
        });
        await send(sends.url, 'c');
        expect(await rows()).toBe(0);
      });

      it('remembers that it has run where the body is too large to keep', async () => {
        const { url, rows } = await start(book, { maxBodyBytes: 5 });
        expect((await send(url, 'k')).status).toBe(201);
        const again = await send(url, 'k');
        expect([again.status, again.code]).toEqual([409, 'ERR_IDEMPOTENCY_NOT_REPLAYABLE']);
        expect(again.headers.get('location')).toMatch(/^\/book\/\d+$/);
        expect(await rows()).toBe(1);
      });

      it('says what it does not know where somebody has committed halfway; `forget` frees the key', async () => {
        const { url } = await start(async (tx, req, res) => {
          const answer = await book(tx, req, res);
          await tx.query('COMMIT; BEGIN');
          throw Object.assign(new Error('deliberate'), { answer });
        });
        await send(url, 'k');
        const again = await send(url, 'k');
        expect(again.code).toBe('ERR_IDEMPOTENCY_INDETERMINATE');
        expect((await send(url, 'k', { amount: 2 })).status).toBe(422);
        const { record } = JSON.parse(again.text) as { record: string };
        expect(await begin((tx) => records.forget(tx, record))).toBe(true);
        expect(await begin((tx) => records.forget(tx, record))).toBe(false);
      });

      it('forgets what has outlived its retention, and takes it away with new keys', async () => {
        const { url, rows } = await start(book);
        for (const key of ['a', 'b', 'c', 'd']) await send(url, key);
        await client.query(`UPDATE idempotency_keys SET expires_at = now() - interval '1 second'`);
        // An outlived key is as good as new.
        expect((await send(url, 'a', { amount: 9 })).status).toBe(201);
        expect(await rows()).toBe(5);
        const left = async (): Promise<number> =>
          (await client.query<{ n: number }>('SELECT count(*)::int AS n FROM idempotency_keys'))
            .rows[0]!.n;
        expect(await left()).toBe(2);
        expect(await begin((tx) => records.prune(tx, 10))).toBe(1);
        expect(await left()).toBe(1);
      });

      it('leaves the limits of the handler’s own statements as they were', async () => {
        let limit: string | undefined;
        const { url } = await start(async (tx) => {
          await tx.query(`SAVEPOINT a`);
          const { rows } = await tx.query<{ at: string }>(
            `SELECT current_setting('lock_timeout') AS at`,
          );
          limit = rows[0]!.at;
          return { body: 1 };
        });
        await send(url, 'k');
        expect(limit).toBe('0');
      });

      it('goes with the middleware, which leaves the record to it', async () => {
        const keys = idempotency({ routes: { '/book': { transactional: true, required: true } } });
        const { url, rows } = await start(book, {}, (app) => app.use(keys));
        expect((await send(url, undefined)).status).toBe(400);
        await send(url, 'k');
        expect((await send(url, 'k')).headers.get('idempotency-replayed')).toBe('true');
        expect(await rows()).toBe(1);
        expect(keys.stats?.()['claimedTotal']).toBe(0);
        await keys.close?.();
      });

      it('goes by the principal that the route has found', async () => {
        const { url, rows } = await start(book, {}, (app) =>
          app.use((req, res, next) => {
            exchangeOf(req, res).principal = req.get('x-who');
            next();
          }),
        );
        for (const who of ['ann', 'bob', 'ann']) {
          await send(url, 'k', undefined, {
            headers: { 'x-who': who, authorization: String(Math.random()) },
          });
        }
        expect(await rows()).toBe(2);
      });

      it('is a component under setup, for its statistics', async () => {
        const keyed = transactional<PoolClient>({
          records,
          transaction: begin,
        });
        const app = express();
        const stack = setup(app, [keyed]);
        app.use(express.json());
        app.post('/book', keyed(book));
        const server = await stack.listen(0, '127.0.0.1');
        const { port } = server.address() as { port: number };
        await send(`http://127.0.0.1:${port}/book`, 'k');
        expect((await send(`http://127.0.0.1:${port}/book`, 'k')).status).toBe(201);
        expect(keyed.stats?.()).toMatchObject({ claimedTotal: 1, replayedTotal: 1 });
        await stack.close();
      });

      it('refuses options that it cannot work with', () => {
        expect(() => transactional({} as never)).toThrow('option "records" is needed');
        expect(() => transactional({ records, transaction: 1 } as never)).toThrow(
          'must be a function',
        );
        expect(() => postgresRecords({} as never)).toThrow('option "query" is needed');
        expect(() =>
          postgresRecords({ query: () => Promise.resolve([]), table: 'a; drop' }),
        ).toThrow('lower-case letters');
        expect(() => postgresTable('"a"')).toThrow('lower-case letters');
        expect(postgresTable('own.keys')).toContain('own_keys_expires_at ON own.keys');
      });
    });

    describe('two processes', () => {
      let pools: Pool[] = [];
      let all: Served[] = [];
      afterEach(async () => {
        for (const one of all) await one.close();
        for (const one of pools) await one.end();
        all = [];
        pools = [];
      });

      /** As good as a process of its own: it shares nothing but the database. */
      async function instance(
        handler: TransactionHandler<PoolClient>,
        options: Partial<TransactionalOptions<PoolClient>> = {},
        begin = 'BEGIN',
      ): Promise<string> {
        const pool = new Pool({ connectionString: postgres.url, max: 3 });
        pools.push(pool);
        const keyed = transactional<PoolClient>({
          records,
          transaction: (work) => inTransaction(pool, work, begin),
          ...options,
        });
        const one = await serveApp([], (app) => app.post('/book', keyed(handler)));
        all.push(one);
        return `${one.url}/book`;
      }

      const waitingLocks = async (): Promise<number> =>
        (
          await client.query<{ n: number }>(
            `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'`,
          )
        ).rows[0]!.n;

      async function blocked(count: number): Promise<void> {
        while ((await waitingLocks()) < count)
          await new Promise((resolve) => setImmediate(resolve));
      }

      it.each([
        'BEGIN',
        'BEGIN ISOLATION LEVEL REPEATABLE READ',
        'BEGIN ISOLATION LEVEL SERIALIZABLE',
      ])('of one key wait for each other at the database, under %s', async (begin) => {
        const gate = new Gate();
        let runs = 0;
        const handler: TransactionHandler<PoolClient> = async () => {
          runs++;
          await gate.opened;
          return { status: 201, body: { run: runs } };
        };
        const one = await instance(handler, {}, begin);
        const other = await instance(handler, {}, begin);
        const key = begin.replaceAll(' ', '-');
        const first = send(one, key);
        await until(() => runs === 1);
        const second = send(other, key);
        await blocked(1);
        gate.let();
        expect((await first).text).toBe('{"run":1}');
        const replayed = await second;
        expect([replayed.text, replayed.headers.get('idempotency-replayed')]).toEqual([
          '{"run":1}',
          'true',
        ]);
        expect(runs).toBe(1);
      });

      it('do not wait without end: 409 when the time is over, and the first goes on', async () => {
        const gate = new Gate();
        let runs = 0;
        const handler: TransactionHandler<PoolClient> = async () => {
          runs++;
          await gate.opened;
          return { body: runs };
        };
        const one = await instance(handler);
        const waits = await instance(handler, { maxWaitMs: 50 });
        const refuses = await instance(handler, { inFlight: 'refuse' });
        const first = send(one, 'slow');
        await until(() => runs === 1);
        expect((await send(waits, 'slow')).code).toBe('ERR_IDEMPOTENCY_IN_FLIGHT');
        expect((await send(refuses, 'slow')).code).toBe('ERR_IDEMPOTENCY_IN_FLIGHT');
        gate.let();
        expect((await first).text).toBe('1');
        expect((await send(waits, 'slow')).text).toBe('1');
        expect(runs).toBe(1);
      });

      it('go on when the first rolls back', async () => {
        const gate = new Gate();
        let runs = 0;
        const handler: TransactionHandler<PoolClient> = async () => {
          const run = ++runs;
          if (run === 1) {
            await gate.opened;
            throw new Error('deliberate');
          }
          return { body: run };
        };
        const one = await instance(handler);
        const other = await instance(handler);
        const first = send(one, 'rolled');
        await until(() => runs === 1);
        const second = send(other, 'rolled');
        await blocked(1);
        gate.let();
        expect((await first).status).toBe(500);
        expect((await second).text).toBe('2');
      });
    });
  });
});
