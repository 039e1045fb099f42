/** Pages far behind, and lists of many: what keyset and eager loading are there for. */
import { eager, keyset, POSITION } from '@org/query';
import { Pool } from 'pg';
import type { Contestant, Contestants } from '../calls.ts';
import { benchPostgres } from '../postgres.ts';

const CALLS = 20;
const ROWS = 50_000;
const url = await benchPostgres(55_444);
const pool = new Pool({ connectionString: url, max: 4, allowExitOnIdle: true });
await pool.query(`
  drop table if exists bench_rows;
  create table bench_rows (id int primary key, score int not null, owner int not null);
  insert into bench_rows select n, n % 1000, n % 2500 from generate_series(1, ${ROWS}) n;
  create index on bench_rows (score, id);
  create index on bench_rows (owner);
  analyze bench_rows`);

const byScore = keyset({
  orderBy: [{ column: 'score', nulls: 'none' }],
  secret: 'a secret of the bench',
});
const lists = eager(pool, { from: 'bench_rows', foreignKey: 'owner' });
const OWNERS = Array.from({ length: 20 }, (_, at) => at * 100);
const cursor = byScore.seek({ limit: 1 }).page([{ [POSITION]: ['999', '49900'] }, {}]).next;

export const contestants: Contestants = {
  offset: repeating(async () => {
    await pool.query('select * from bench_rows order by score, id limit 21 offset 49960');
  }),
  keyset: repeating(async () => {
    const seek = byScore.seek({ after: cursor });
    const { rows } = await pool.query<object>(
      `select *, ${seek.position} from bench_rows where ${seek.where} order by ${seek.orderBy} limit ${seek.limit}`,
      [...seek.values],
    );
    seek.page(rows);
  }),
  'one-by-one': repeating(async () => {
    for (const owner of OWNERS) {
      await pool.query('select * from bench_rows where owner = $1', [owner]);
    }
  }),
  eager: repeating(async () => void (await lists.loadMany(OWNERS))),
};

function repeating(once: () => Promise<void>): Contestant {
  return {
    calls: CALLS,
    async run() {
      for (let made = 0; made < CALLS; made++) await once();
    },
  };
}
