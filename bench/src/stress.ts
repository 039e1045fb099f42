/**
 * `pnpm stress`: the reference app as it runs by default, under a load that does not wait for it. Its
 * capacity is what it does for clients who wait for their answers; then the same mixed trace comes at
 * half of that, at all of it, and at twice and five times of it, and at half again: does it come back?
 * Prints a table, and writes nothing.
 */
import { Agent } from 'node:http';
import { parseArgs } from 'node:util';
import { runtimeOf } from './machine.ts';
import type { Asked, OpenResult } from './open-load.ts';
import { openLoad } from './overload.ts';
import { ServerProcess, type Usage } from './server-process.ts';
import { markdown } from './table.ts';
import { makeTrace, tryToAsk } from './trace.ts';

/** Multiples of the capacity, in this order. */
const TIMES: readonly number[] = [0.5, 1, 2, 5, 0.5];
/** Clients who wait for their answers. */
const CLIENTS = 20;
const SETTLE_SECONDS = 1;
const OBJECTIVE_MS = 200;
const PATIENCE_MS = 1000;
const SAMPLE_EVERY_MS = 200;

const HEAD: readonly string[] = [
  '× capacity',
  'sent/s',
  'good, % of capacity',
  'p50 ms',
  'p99 ms',
  'p99.9 ms',
  'refused, %',
  'refused p99 ms',
  'given up',
  'memory MB',
  'event loop p99 ms',
];

const { values } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  options: { seconds: { type: 'string', default: '10' }, node: { type: 'string' } },
});
const seconds = Number(values.seconds);
if (!Number.isInteger(seconds) || seconds < 1) {
  throw new Error(`--seconds must be a whole number from 1, but is "${values.seconds}"`);
}

const server = await ServerProcess.start('places-stressed', runtimeOf(values.node));
const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
try {
  const trace = await makeTrace(server.url, agent);
  // The first time fills the cache and lets the code be compiled.
  await capacityOf(trace);
  const capacity = await capacityOf(trace);
  console.log(`capacity: ${Math.round(capacity).toLocaleString('en')} requests/s\n`);

  const rows: string[][] = [[...HEAD]];
  const refusals = new Map<string, number>();
  for (const times of TIMES) {
    // oxlint-disable-next-line no-await-in-loop -- one load after the other is what is measured
    const { result, peak } = await stress(trace, capacity * times);
    rows.push(rowOf(times, capacity, result, peak));
    for (const [code, count] of Object.entries(result.refusedBy)) {
      refusals.set(code, (refusals.get(code) ?? 0) + count);
    }
  }
  console.log(markdown(rows));
  const told = [...refusals].map(([code, count]) => `${code} ${count.toLocaleString('en')}`);
  console.log(`\nrefused: ${told.join(', ') || 'none'}`);
  console.log(
    `good: 200 within ${OBJECTIVE_MS} ms of when the request was due; clients give up after ${PATIENCE_MS} ms; ${seconds} s at each rate.`,
  );
} finally {
  agent.destroy();
  await server.stop();
}

/** Answers a second to clients who ask again once they have one. */
async function capacityOf(trace: readonly Asked[]): Promise<number> {
  const untilMs = performance.now() + seconds * 1000;
  let answers = 0;
  let at = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      // oxlint-disable-next-line no-await-in-loop -- that is the kind of client it is
      const { status } = await tryToAsk(server.url, trace[at++ % trace.length]!, agent);
      if (status === 200) answers++;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return answers / seconds;
}

/** A load, and the most that the server has used meanwhile. */
async function stress(
  requests: readonly Asked[],
  perSecond: number,
): Promise<{ readonly result: OpenResult; readonly peak: Usage }> {
  await server.usage();
  let peak = await server.usage();
  const sampling = setInterval(() => {
    void server.usage().then((usage) => {
      peak = {
        ...usage,
        rssBytes: Math.max(peak.rssBytes, usage.rssBytes),
        loopDelayMs: Math.max(peak.loopDelayMs, usage.loopDelayMs),
      };
    });
  }, SAMPLE_EVERY_MS);
  const result = await openLoad({
    port: server.port,
    requests,
    perSecond,
    seconds: seconds + SETTLE_SECONDS,
    settleSeconds: SETTLE_SECONDS,
    objectiveMs: OBJECTIVE_MS,
    patienceMs: PATIENCE_MS,
    urgentEvery: Number.MAX_SAFE_INTEGER,
    maxConnections: 4000,
  });
  clearInterval(sampling);
  return { result, peak };
}

function rowOf(times: number, capacity: number, result: OpenResult, peak: Usage): string[] {
  const share = (count: number): string => ((count / Math.max(1, result.sent)) * 100).toFixed(1);
  return [
    String(times),
    Math.round(result.sent / seconds).toLocaleString('en'),
    ((result.good / seconds / capacity) * 100).toFixed(0),
    result.p50Ms.toFixed(1),
    result.p99Ms.toFixed(0),
    result.p999Ms.toFixed(0),
    share(result.refused),
    result.refusedP99Ms.toFixed(0),
    String(result.timedOut + result.broken),
    (peak.rssBytes / 2 ** 20).toFixed(0),
    peak.loopDelayMs.toFixed(0),
  ];
}
