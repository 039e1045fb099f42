/** Books on PGlite in transactional mode, from a crowd of duplicates, and prints what came of it. */
import { PGlite, type Transaction } from '@electric-sql/pglite';
import { serve } from '@org/core/testing';
import express from 'express';
import { transactional } from '../src/index.ts';
import { postgresRecords, postgresTable } from '../src/postgres.ts';

const db = new PGlite();
await db.exec('CREATE TABLE bookings (amount int NOT NULL)');
await db.exec(postgresTable('public.keys'));
const records = postgresRecords<Transaction>({
  table: 'public.keys',
  query: async (tx, sql, parameters) =>
    (await tx.query<Record<string, unknown>>(sql, [...parameters])).rows,
});
const once = transactional<Transaction>({
  records,
  transaction: (work) => db.transaction(work),
});
const app = express();
app.use(express.json());
app.post(
  '/',
  once(async (tx, req) => {
    await tx.query('INSERT INTO bookings VALUES ($1)', [(req.body as { amount: number }).amount]);
    return { status: 201, body: Buffer.from([0, 1, 255]) };
  }),
);
const served = await serve(app);

const post = (key: string, amount: number): Promise<Response> =>
  fetch(served.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ amount }),
  });
const answers = await Promise.all(Array.from({ length: 20 }, () => post('k', 1)));
const statuses: Record<string, number> = {};
for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1;
const mismatch = await post('k', 2);
await post('k2', 1);
await db.exec(`UPDATE public.keys SET expires_at = now() - interval '1 second'`);
const count = await db.query<{ n: number }>('SELECT count(*)::int AS n FROM bookings');
const result = {
  statuses,
  replayed: answers.filter(({ headers }) => headers.has('idempotency-replayed')).length,
  mismatch: mismatch.status,
  bookings: count.rows[0]!.n,
  bytes: [...new Uint8Array(await answers.at(-1)!.arrayBuffer())],
  pruned: await db.transaction((tx) => records.prune(tx, 10)),
};
process.stdout.write(JSON.stringify(result));
await served.close();
await db.close();
