/** A statement, with and without the watch over statements, on a server on this machine. */
import { db, postgres } from '@org/db';
import { query } from '@org/query';
import { Pool } from 'pg';
import type { Contestant, Contestants } from '../calls.ts';
import { benchPostgres } from '../postgres.ts';

const CALLS = 100;
const SQL = 'select $1::int as one';
const url = await benchPostgres(55_443);
const make = (): Pool => new Pool({ connectionString: url, max: 4, allowExitOnIdle: true });

const pool = make();
const watchedPool = make();
query({ path: false }).watch(watchedPool);
const data = db({ driver: postgres(make()) });

/** Sessions are watched by all that listen, so that each contestant has its own while it runs. */
const session = async (): Promise<void> => void (await data.session().query(SQL, [1]));

export const contestants: Contestants = {
  session: repeating(session, false),
  'watched-session': repeating(session, true),
  pool: repeating(async () => void (await pool.query(SQL, [1])), false),
  'watched-pool': repeating(async () => void (await watchedPool.query(SQL, [1])), false),
};

function repeating(once: () => Promise<void>, isWatched: boolean): Contestant {
  return {
    calls: CALLS,
    async run() {
      const watch = isWatched ? query({ path: false }) : undefined;
      for (let made = 0; made < CALLS; made++) await once();
      watch?.close();
    },
  };
}
