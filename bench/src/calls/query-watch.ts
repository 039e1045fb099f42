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

async function asked(): Promise<void> {
  for (let made = 0; made < CALLS; made++) await data.session().query(SQL, [1]);
}

export const contestants: Contestants = {
  session: { calls: CALLS, run: asked },
  'watched-session': {
    calls: CALLS,
    // Sessions are heard by all who listen: this watch does for as long as its turn takes.
    async run() {
      const watch = query({ path: false });
      for (const part of watch) await part.start?.();
      await asked();
      watch.close();
    },
  },
  pool: repeating(pool),
  'watched-pool': repeating(watchedPool),
};

function repeating(target: Pool): Contestant {
  return {
    calls: CALLS,
    async run() {
      for (let made = 0; made < CALLS; made++) await target.query(SQL, [1]);
    },
  };
}
