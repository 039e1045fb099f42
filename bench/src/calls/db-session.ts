/**
 * What a handler asks of the database, on a server on this machine: a statement, and two in a
 * transaction; with a `pg` pool by hand, and in a session of its own for each.
 */
import { db, postgres } from '@org/db';
import { Pool } from 'pg';
import type { Contestant, Contestants } from '../calls.ts';
import { benchPostgres } from '../postgres.ts';

const CALLS = 100;
const SQL = 'select $1::int as one';
const url = await benchPostgres(55_442);
const make = (): Pool => new Pool({ connectionString: url, max: 4, allowExitOnIdle: true });

const pool = make();
const data = db({ driver: postgres(make()), statementTimeoutMs: 0, idleInTransactionTimeoutMs: 0 });

export const contestants: Contestants = {
  'pool-statement': repeating(async () => void (await pool.query(SQL, [1]))),
  'session-statement': repeating(async () => void (await data.session().query(SQL, [1]))),
  'pool-transaction': repeating(byHand),
  'session-transaction': repeating(() =>
    data.session().transaction(async (tx) => {
      await tx.query(SQL, [1]);
      await tx.query(SQL, [2]);
    }),
  ),
};

async function byHand(): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(SQL, [1]);
    await client.query(SQL, [2]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

function repeating(once: () => Promise<void>): Contestant {
  return {
    calls: CALLS,
    async run() {
      for (let made = 0; made < CALLS; made++) await once();
    },
  };
}
