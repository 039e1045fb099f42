/**
 * `pnpm faults`: every fault with every user and what it cost them, then the keys of idempotency
 * under kills, as tables. `--seed N` repeats a run; `--fault`, `--user`, `--books` choose a part,
 * `--keys`, `--duplicates`, `--kills` say how much is asked.
 */
import { parseArgs } from 'node:util';
import { postgresBinaries } from 'test-servers/postgres';

import { type Books, postgresBooks, redisBooks } from './books.ts';
import { Dice } from './dice.ts';
import { FAULTS } from './faults.ts';
import { tallyOnce } from './once.ts';
import { HEADING, lineOf, ONCE_HEADING, onceLineOf } from './table.ts';
import { type Timing, tryFault } from './trial.ts';
import { USERS } from './users/index.ts';

const TIMING: Timing = { everyMs: 5, quietMs: 1500, firstMs: 1000, laterMs: 2000, afterMs: 500 };

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: process.env['SEED'] ?? '1' },
    fault: { type: 'string', multiple: true },
    user: { type: 'string', multiple: true },
    books: { type: 'string', multiple: true },
    keys: { type: 'string', default: '1000' },
    duplicates: { type: 'string', default: '50' },
    kills: { type: 'string', default: '10' },
  },
});
const dice = new Dice(Number(values.seed));
const chosen = (name: string, parts: readonly string[] | undefined): boolean =>
  parts?.some((part) => name.includes(part)) ?? true;

/** Where keys may be, and what of it is written down. */
const BOOKS: readonly (readonly [name: string, open: () => Promise<Books>])[] = [
  ['transaction of Postgres', async () => postgresBooks(postgresBinaries()!)],
  ['Redis, every write synced', () => redisBooks('always')],
  ['Redis, synced every second', () => redisBooks('everysec')],
  ['Redis, in memory', () => redisBooks('none')],
];

let broken = 0;
const drawn: string[] = [];

async function tryUsers(): Promise<void> {
  const users = USERS.filter(({ name }) => chosen(name, values.user));
  console.log(HEADING);
  for (const fault of FAULTS.filter(({ name }) => chosen(name, values.fault))) {
    for (const user of users) {
      const trial = await tryFault(fault, [user], dice, TIMING);
      const reports = [...trial.reports].map(([where, count]) => `${count} × ${where}`);
      for (const outcome of trial.outcomes) {
        broken += outcome.findings.broken.length;
        console.log(lineOf(fault.name, outcome));
      }
      drawn.push(`${fault.name}, ${user.name}: ${trial.drawn}; reported: ${reports.join(', ')}`);
    }
  }
}

async function tryKeys(): Promise<void> {
  const kills = Number(values.kills);
  const settings = {
    keys: Number(values.keys),
    duplicates: Number(values.duplicates),
    storeKills: kills,
    processKills: kills,
  };
  console.log(ONCE_HEADING);
  for (const [name, open] of BOOKS.filter(([one]) => chosen(one, values.books))) {
    const books = await open();
    try {
      console.log(onceLineOf(name, settings, await tallyOnce(books, dice, settings)));
    } finally {
      await books.close();
    }
  }
}

// A part that was chosen leaves out the other.
if (values.books === undefined) await tryUsers();
if (values.fault === undefined && values.user === undefined) await tryKeys();
console.log(`\nDrawn:\n${drawn.join('\n')}\n`);
console.log(`seed ${dice.seed}, Node ${process.version}: ${broken} promises broken`);
process.exitCode = broken > 0 ? 1 : 0;
