/**
 * A service to be killed: it books amounts in transactional mode. A request says by the header
 * `x-stop-at` at which step it stops for good; the process then tells its parent, and waits.
 */
import type { AddressInfo } from 'node:net';
import express, { type Request } from 'express';
import { Pool, type PoolClient } from 'pg';
import { transactional } from '../src/index.ts';
import { postgresRecords } from '../src/postgres.ts';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });
pool.on('error', () => undefined);
/** Where the request that a connection works for is to stop. */
const stops = new WeakMap<PoolClient, string | undefined>();
let stopNext: string | undefined;

async function at(step: string, wanted: string | undefined): Promise<void> {
  if (step !== wanted) return;
  process.send?.({ stopped: step });
  await new Promise(() => undefined);
}

const book = transactional<PoolClient>({
  records: postgresRecords({
    query: async (client, sql, parameters) => {
      const { rows } = await client.query<Record<string, unknown>>(sql, [...parameters]);
      if (sql.includes('INSERT')) await at('taken', stops.get(client));
      if (sql.startsWith('UPDATE')) await at('finished', stops.get(client));
      return rows;
    },
  }),
  async transaction(work) {
    const stop = stopNext;
    stopNext = undefined;
    await at('asked', stop);
    const client = await pool.connect();
    stops.set(client, stop);
    try {
      await client.query('BEGIN');
      await at('begun', stop);
      const result = await work(client);
      const committed = client.query('COMMIT');
      await at('committing', stop);
      await committed;
      await at('committed', stop);
      client.release();
      return result;
    } catch (error) {
      await client.query('ROLLBACK');
      client.release();
      throw error;
    }
  },
});

const app = express();
app.use(express.json());
app.use((req, _res, next) => {
  const stop = req.get('x-stop-at');
  if (stop !== undefined) stopNext = stop;
  next();
});
app.post(
  '/book',
  book(async (client, req: Request) => {
    const { amount } = req.body as { amount: number };
    const key = req.get('idempotency-key');
    const { rows } = await client.query<{ id: string }>(
      'INSERT INTO bookings (key, amount) VALUES ($1, $2) RETURNING id',
      [key, amount],
    );
    await at('worked', stops.get(client));
    return { status: 201, headers: { Location: `/book/${rows[0]!.id}` }, body: { amount } };
  }),
);
const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
