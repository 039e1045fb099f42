/**
 * Several processes of the service on one Redis and one Postgres, and whether they are one service:
 * `pnpm scale`. It starts everything itself, does what would show if they were not, and prints what
 * was expected and what was seen. Ends with 1 if anything does not hold.
 */
import { parseArgs } from 'node:util';
import { postgresBinaries } from 'test-servers/postgres';
import { hasRedis } from 'test-servers/redis';

import type { Finding } from './check.ts';
import { CHECKS } from './checks/index.ts';
import { Ends, type Size, startFleet } from './fleet.ts';
import { tableOf } from './table.ts';

/** Whatever hangs, hangs no longer. */
const DEADLINE_MS = 420_000;

let size: Size;
try {
  size = sizeOf();
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
const binaries = postgresBinaries();
const missing = [
  ...(hasRedis() ? [] : ['redis-server']),
  ...(binaries === undefined ? ['postgresql (initdb and postgres)'] : []),
];
if (missing.length > 0 || binaries === undefined) {
  console.error(
    `Not on this machine: ${missing.join(' and ')}. Install what is missing, on Debian with: apt-get install redis-server postgresql`,
  );
  process.exit(1);
}

const ends = new Ends();
const findings: Finding[] = [];
/** What still runs ends with this process, by force. */
const end = (code: number): never => {
  if (findings.length > 0) console.log(tableOf(findings));
  process.exit(code);
};
process.on('SIGINT', () => end(130));
process.on('SIGTERM', () => end(143));
setTimeout(() => {
  console.error(`Not done after ${DEADLINE_MS / 1000} s.`);
  end(1);
}, DEADLINE_MS).unref();

const startedMs = performance.now();
try {
  console.error(`Starting ${size.processes} processes, Redis, Postgres and a balancer.`);
  const fleet = await startFleet(size, binaries, ends);
  for (const [name, check] of Object.entries(CHECKS)) {
    console.error(`${((performance.now() - startedMs) / 1000).toFixed(0)} s: ${name}`);
    try {
      findings.push(...(await check(fleet)));
    } catch (error) {
      findings.push({
        check: name,
        done: 'could not be checked',
        expected: '',
        seen: error instanceof Error ? error.message : String(error),
        holds: false,
      });
    }
  }
} catch (error) {
  console.error(error);
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
console.error(
  `${size.processes} processes, one Redis, one Postgres; Node ${process.versions.node}; ${seconds} s in all.`,
);
await ends.run();
end(findings.length > 0 && findings.every(({ holds }) => holds) ? 0 : 1);

/** What the command line says. @throws Error for what it must not say */
function sizeOf(): Size {
  const { values } = parseArgs({
    args: process.argv.slice(2).filter((arg) => arg !== '--'),
    options: {
      processes: { type: 'string', default: '3' },
      requests: { type: 'string', default: '600' },
    },
  });
  return {
    processes: wholeNumber('processes', values.processes, 2, 16),
    requests: wholeNumber('requests', values.requests, 10, 100_000),
  };
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${name} must be a whole number from ${min} to ${max}, but is "${text}".`);
}
