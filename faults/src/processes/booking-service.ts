/**
 * A service to be killed: it books under idempotency keys, with leases over Redis and its effects
 * in a file, or in a transaction of Postgres. `x-hang` keeps a request from its end.
 */
import { appendFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerProblem, ProblemError } from '@org/core';
import { idempotency, transactional } from '@org/dedup';
import { postgresRecords } from '@org/dedup/postgres';
import { redisStore, type RedisStoreOptions } from '@org/redis';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { Pool, type PoolClient } from 'pg';

import { keepOpen } from '../service.ts';

const { DATABASE_URL, EFFECTS, STORE } = process.env;

/** The work has a while in which it can be struck, before its effect and after. */
async function struck(): Promise<void> {
  await sleep(1);
}

function leased(app: Express): void {
  const options = JSON.parse(STORE!) as Partial<RedisStoreOptions>;
  const keys = idempotency({ store: redisStore(options), storeTimeoutMs: options.timeoutMs });
  app.use(express.json(), keys);
  app.post('/book', async (req, res) => {
    const key = req.get('idempotency-key')!;
    await struck();
    if (req.get('x-hang') !== undefined) {
      process.send?.({ told: 'hanging' });
      return;
    }
    appendFileSync(EFFECTS!, `${key}\n`);
    await struck();
    res.status(201).json({ key });
  });
  // Somebody has looked whether it took effect.
  app.post('/operators/:record/:ended', async (req, res) => {
    const { record, ended } = req.params;
    res.json(await keys.resolve(record, ended === 'done' ? { status: 201 } : 'retry'));
  });
}

function inTransactions(app: Express): void {
  const pool = new Pool({ connectionString: DATABASE_URL, max: 10, connectionTimeoutMillis: 2000 });
  pool.on('error', () => undefined);
  // One that is in use has nobody else to hear that its server has gone.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const once = transactional<PoolClient>({
    required: true,
    records: postgresRecords({
      query: async (client, sql, parameters) =>
        (await client.query<Record<string, unknown>>(sql, [...parameters])).rows,
    }),
    async transaction(work) {
      const client = await pool.connect();
      let failed = false;
      try {
        await client.query('BEGIN');
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        failed = true;
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      } finally {
        client.release(failed);
      }
    },
  });
  app.use(express.json());
  app.post(
    '/book',
    once(async (client, req) => {
      const key = req.get('idempotency-key')!;
      await struck();
      await client.query('INSERT INTO effects (key) VALUES ($1)', [key]);
      await struck();
      return { status: 201, body: { key } };
    }),
  );
}

const app = express();
if (DATABASE_URL === undefined) leased(app);
else inTransactions(app);
app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
  if (error instanceof ProblemError) answerProblem(res, error);
  else res.status(503).json({ error: String(error) });
});
const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
keepOpen(server);
