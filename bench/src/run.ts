/**
 * `pnpm bench [names…] [--rounds N] [--seconds S] [--node V]`: measures, tells how it gets on, and
 * writes results as JSON and into the README. It runs what `pnpm build` built, as users will.
 */
import { parseArgs } from 'node:util';
import { type Bench, BENCHES } from './benches.ts';
import { BROADCAST_FIGURES, LISTENERS, measureBroadcast } from './broadcast.ts';
import { CALLS_FIGURES, measureCalls } from './calls.ts';
import { CPU_FIGURES, measureCpu, TURN_REQUESTS, WARM_UP_REQUESTS } from './cpu.ts';
import { INSIDE_FIGURES, measureInside } from './inside.ts';
import { type Runtime, runtimeOf } from './machine.ts';
import { keep, markdownOf, type Outcome, publish, resultName } from './results.ts';
import {
  capacityOf,
  measureOverload,
  OBJECTIVE_MS,
  OVERLOAD_FIGURES,
  PATIENCE_MS,
} from './overload.ts';
import { interleave, type Sample } from './round.ts';
import { proveJobs, proveSameAnswer } from './same-jobs.ts';
import { measureStatements, PAGE_COUNT, STATEMENTS_FIGURES } from './statements.ts';
import { measureStartup, STARTUP_FIGURES } from './startup.ts';
import { measureThroughput, THROUGHPUT_FIGURES } from './throughput.ts';
import { measureTrace, TRACE_FIGURES, TRACE_LENGTH } from './trace.ts';

const USAGE = `usage: pnpm bench [${BENCHES.map(({ name }) => name).join('|')}…]
  --rounds N        turns of each contender (7)
  --seconds S       load of one turn (5)
  --warm-up S       load before it that is not counted (2)
  --connections N   clients at a time (20)
  --node V          a Node for the servers, brought by npx (this one)
  --cold            startup: forget all files of the machine first (needs root)
  --no-readme       do not write the tables into bench/README.md`;

interface Settings {
  readonly benches: readonly Bench[];
  readonly runtime: Runtime;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  readonly cold: boolean;
  readonly readme: boolean;
}

try {
  const settings = settingsOf(process.argv.slice(2));
  for (const bench of settings.benches) {
    const outcome = await measure(bench, settings);
    const file = keep(outcome);
    if (settings.readme) publish(outcome);
    console.log(`\n## ${resultName(outcome)}\n\n${markdownOf(outcome)}\n\n${file}`);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof Error && error.cause !== undefined) console.error(error.cause);
  process.exitCode = 1;
}

function settingsOf(args: readonly string[]): Settings {
  const { values, positionals } = parseArgs({
    // npm and older pnpm hand on the `--` that separates their options from ours.
    args: args.filter((arg) => arg !== '--'),
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '2' },
      connections: { type: 'string', default: '20' },
      node: { type: 'string' },
      cold: { type: 'boolean', default: false },
      'no-readme': { type: 'boolean', default: false },
    },
  });
  const benches = positionals.map((name) => {
    const found = BENCHES.find((bench) => bench.name === name);
    if (found === undefined) throw new Error(`there is no bench "${name}"\n${USAGE}`);
    return found;
  });
  return {
    benches: benches.length === 0 ? BENCHES : benches,
    runtime: runtimeOf(values.node),
    rounds: wholeNumber('rounds', values.rounds, 1),
    seconds: wholeNumber('seconds', values.seconds, 1),
    warmUpSeconds: wholeNumber('warm-up', values['warm-up'], 0),
    connections: wholeNumber('connections', values.connections, 1),
    cold: values.cold,
    readme: !values['no-readme'],
  };
}

function wholeNumber(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min) {
    throw new Error(`--${name} must be a whole number from ${min}, but is "${text}"\n${USAGE}`);
  }
  return value;
}

async function measure(bench: Bench, settings: Settings): Promise<Outcome> {
  const { runtime, rounds, cold } = settings;
  const servers = bench.contenders.map(({ server }) => server);
  if (bench.kind === 'calls') {
    const samples = await measureCalls(bench.name, servers, runtime, rounds);
    const method = `Medians of ${rounds} interleaved rounds, ratios taken round by round; all in one process, turn by turn.`;
    const none = { variant: '', lineBytes: new Map<string, number>() };
    const figures = [...CALLS_FIGURES, ...(bench.figures ?? [])];
    return { bench, runtime, samples, figures, method, ...none };
  }
  await proveSameAnswer(servers, runtime, bench.kind === 'broadcast' ? '/' : bench.path);
  if (bench.kind === 'cpu') {
    const samples = await measureCpu(servers, runtime, bench.path ?? '/', rounds);
    const method = `Medians of ${rounds} interleaved rounds, ratios taken round by round; each in a process of its own, ${TURN_REQUESTS.toLocaleString('en')} requests a turn after ${WARM_UP_REQUESTS.toLocaleString('en')} that do not count, by clients within it.`;
    const none = { variant: '', lineBytes: new Map<string, number>() };
    return { bench, runtime, samples, figures: CPU_FIGURES, method, ...none };
  }
  const lineBytes = new Map<string, number>();
  for (const { server, doesJobs } of bench.contenders) {
    if (doesJobs) lineBytes.set(server, await proveJobs(server, runtime));
  }
  const startup = bench.kind === 'startup';
  const figures = {
    startup: STARTUP_FIGURES,
    statements: STATEMENTS_FIGURES,
    trace: TRACE_FIGURES,
    overload: OVERLOAD_FIGURES,
    broadcast: BROADCAST_FIGURES,
    inside: INSIDE_FIGURES,
    throughput: THROUGHPUT_FIGURES,
  }[bench.kind];
  const path = bench.path ?? '/';
  const overload = bench.kind === 'overload';
  // The same for all, or whoever slows the service down would be asked for less.
  const capacity = overload ? await capacityOf(servers[0]!, runtime, path) : 0;
  const turn = (server: string): Promise<Sample> => {
    if (startup) return measureStartup(server, runtime, cold);
    if (overload) {
      return measureOverload(server, runtime, { path, seconds: settings.seconds, capacity });
    }
    if (bench.kind === 'statements') {
      return measureStatements(server, runtime, settings.connections);
    }
    if (bench.kind === 'broadcast') return measureBroadcast(server, { ...settings, path });
    if (bench.kind === 'trace') return measureTrace(server, runtime, settings.connections);
    const { headers, post } = bench;
    if (bench.kind === 'inside') return measureInside(server, { ...settings, path, headers });
    return measureThroughput(server, { ...settings, path, headers, post });
  };
  const samples = await interleave(servers, rounds, async (server, round) => {
    const sample = await turn(server);
    const told = figures.map(
      ({ key, title, digits }) => `${sample[key]?.toFixed(digits)} ${title}`,
    );
    console.log(`${bench.name} ${round + 1}/${rounds} ${server}: ${told.join(', ')}`);
    return sample;
  });
  const variant = startup && cold ? '-cold' : '';
  const method = methodOf(bench, settings, capacity);
  return { bench, runtime, variant, samples, figures, method, lineBytes };
}

function methodOf({ kind }: Bench, settings: Settings, capacity: number): string {
  const { rounds, seconds, warmUpSeconds, connections, cold } = settings;
  const rest = `Medians of ${rounds} interleaved rounds, ratios taken round by round`;
  if (kind === 'throughput' || kind === 'inside') {
    return `${rest}; a fresh process for each turn, ${seconds} s of ${connections} connections after ${warmUpSeconds} s that do not count.`;
  }
  if (kind === 'statements') {
    return `${rest}; a fresh process for each turn, without the cache, the same ${PAGE_COUNT} pages over ${connections} connections.`;
  }
  if (kind === 'trace') {
    return `${rest}; a fresh process and an empty cache for each turn, the same ${TRACE_LENGTH.toLocaleString('en')} requests over ${connections} connections.`;
  }
  if (kind === 'overload') {
    return `Medians of ${rounds} interleaved rounds; a fresh process for each turn, ${seconds} s at each rate after 1 s that does not count, 2 s at the last; capacity ${Math.round(capacity).toLocaleString('en')} requests/s; good: 200 within ${OBJECTIVE_MS} ms; clients give up after ${PATIENCE_MS} ms.`;
  }
  if (kind === 'broadcast') {
    return `${rest}; a fresh process for each turn, ${seconds} s of ${LISTENERS} clients after ${warmUpSeconds} s that do not count.`;
  }
  const state = cold
    ? 'cold: the page cache of the machine was dropped before each start'
    : 'warm: the files were in the page cache of the machine';
  return `${rest}; ${state}; no compile cache.`;
}
