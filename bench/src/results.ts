/** What a run found, as it is kept: JSON for programs, and a table in the README for people. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bench } from './benches.ts';
import { machine, type Runtime } from './machine.ts';
import type { Sample, Samples } from './round.ts';
import { type Figure, table, withResults } from './table.ts';

export interface Outcome {
  readonly bench: Bench;
  readonly runtime: Runtime;
  /** What sets it apart from another run of the same bench: `-cold`, or nothing. */
  readonly variant: string;
  readonly samples: Samples;
  readonly figures: readonly Figure[];
  /** How it was measured, in a sentence. */
  readonly method: string;
  readonly lineBytes: ReadonlyMap<string, number>;
}

const FOLDER = fileURLToPath(new URL('..', import.meta.url));

/** `pipeline-node20`: the name of the file, and of the place in the README. */
export function resultName({ bench, runtime, variant }: Outcome): string {
  return `${bench.name}${variant}-node${runtime.major}`;
}

/** The table, and below it what one must know to judge it. */
export function markdownOf({
  bench,
  runtime,
  samples,
  figures,
  method,
  lineBytes,
}: Outcome): string {
  const labels = new Map(bench.contenders.map(({ server, label }) => [server, label]));
  const peers = bench.peers.map((name) => `${name} ${versionOf(name)}`).join(', ');
  const lines = [...lineBytes].map(([server, bytes]) => `${bytes} (${labels.get(server)})`);
  const told = [
    `Node ${runtime.version}${peers === '' ? '' : `; ${peers}`}.`,
    method,
    `${machine()}.`,
    ...(lines.length === 0 ? [] : [`Bytes of a log line: ${lines.join(', ')}.`]),
  ];
  return `${table(samples, labels, figures)}\n\n${told.join(' ')}`;
}

/** Writes `results/<name>.json`, and returns its path. */
export function keep(outcome: Outcome): string {
  const { bench, runtime, samples, method, lineBytes } = outcome;
  const kept = {
    name: resultName(outcome),
    at: new Date().toISOString(),
    node: runtime.version,
    machine: machine(),
    method,
    peers: Object.fromEntries(bench.peers.map((name) => [name, versionOf(name)])),
    contenders: bench.contenders.map(({ server, label }) => ({
      server,
      label,
      lineBytes: lineBytes.get(server),
      samples: samples.get(server) as readonly Sample[],
    })),
  };
  const file = `${FOLDER}results/${resultName(outcome)}.json`;
  mkdirSync(`${FOLDER}results`, { recursive: true });
  writeFileSync(file, `${JSON.stringify(kept, undefined, 2)}\n`);
  return file;
}

/**
 * Writes the table into its place in the README.
 * @throws {Error} where the README has no such place.
 */
export function publish(outcome: Outcome): void {
  const file = `${FOLDER}README.md`;
  const text = withResults(readFileSync(file, 'utf8'), resultName(outcome), markdownOf(outcome));
  writeFileSync(file, text);
}

/** From the manifest that was installed, not from the range that was asked for. */
function versionOf(name: string): string {
  const text = readFileSync(`${FOLDER}node_modules/${name}/package.json`, 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
