/** `pnpm faults`: every fault, every user, and what it cost them, as a table. */
import { parseArgs } from 'node:util';

import { Dice } from './dice.ts';
import { FAULTS } from './faults.ts';
import { HEADING, lineOf } from './table.ts';
import { type Timing, tryFault } from './trial.ts';
import { USERS } from './users/index.ts';

const TIMING: Timing = { everyMs: 5, quietMs: 2000, firstMs: 1000, laterMs: 3000, afterMs: 1000 };

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: process.env['SEED'] ?? '1' },
    fault: { type: 'string', multiple: true },
    user: { type: 'string', multiple: true },
  },
});
const dice = new Dice(Number(values.seed));
const faults = FAULTS.filter(
  ({ name }) => values.fault?.some((part) => name.includes(part)) ?? true,
);
const users = USERS.filter(({ name }) => values.user?.some((part) => name.includes(part)) ?? true);

let broken = 0;
const drawn: string[] = [];
console.log(HEADING);
for (const fault of faults) {
  for (const user of users) {
    const trial = await tryFault(fault, [user], dice, TIMING);
    for (const outcome of trial.outcomes) {
      broken += outcome.findings.broken.length;
      const reports = [...trial.reports].map(([where, count]) => `${count} × ${where}`);
      drawn.push(`${fault.name}, ${user.name}: ${trial.drawn}; reported: ${reports.join(', ')}`);
      console.log(lineOf(fault.name, outcome));
    }
  }
}
console.log(`\nDrawn:\n${drawn.join('\n')}\n`);
console.log(`seed ${dice.seed}, Node ${process.version}: ${broken} promises broken`);
process.exitCode = broken > 0 ? 1 : 0;
