/** A statement through a `pg` pool, on a server on this machine: the pool alone, and watched. */
import { db, postgres } from '@org/db';
import { Pool } from 'pg';
import type { Contestant, Contestants } from '../calls.ts';
import { benchPostgres } from '../postgres.ts';

const CALLS = 200;
const url = await benchPostgres(55_441);
const make = (): Pool => new Pool({ connectionString: url, max: 4, allowExitOnIdle: true });

const [plain, watched] = [make(), make()];
db({ driver: postgres(watched) });

export const contestants: Contestants = { plain: asking(plain), watched: asking(watched) };

function asking(pool: Pool): Contestant {
  return {
    calls: CALLS,
    async run() {
      for (let made = 0; made < CALLS; made++) await pool.query('select $1::int as one', [made]);
    },
  };
}
