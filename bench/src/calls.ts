/**
 * What one call costs, where a request would drown it: all contenders in one process, which take
 * turns round by round, so that what one has compiled or left to collect is everybody's weather.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pinned, type Runtime } from './machine.ts';
import type { Sample, Samples } from './round.ts';
import type { Figure } from './table.ts';

export const CALLS_FIGURES: readonly Figure[] = [{ key: 'nanos', title: 'ns/call', digits: 0 }];

/** How one contender does it. */
export interface Contestant {
  /** Makes `calls` calls; resolves when they are done. */
  run(): void | Promise<void>;
  /** Calls of one run. */
  readonly calls: number;
  /** What else the runs since the last time have given, beside the time. */
  figures?(): Readonly<Record<string, number>>;
  /** Ends what it has started, after its last turn. */
  close?(): Promise<void>;
}

/** What a file in `calls/` exports as `contestants`: by the contender's name. */
export type Contestants = Readonly<Record<string, Contestant>>;

/** All turns of all contenders of `calls/<name>.js`. */
export async function measureCalls(
  name: string,
  contenders: readonly string[],
  runtime: Runtime,
  rounds: number,
): Promise<Samples> {
  const file = fileURLToPath(new URL('calls-process.js', import.meta.url));
  const [command, ...args] = pinned(0, [runtime.path, file, name, String(rounds)]);
  const { stdout } = await promisify(execFile)(command, args, { maxBuffer: 2 ** 24 });
  const found = JSON.parse(stdout) as Record<string, readonly Sample[]>;
  return new Map(
    contenders.map((contender) => {
      const samples = found[contender];
      if (samples === undefined) throw new Error(`calls/${name} has no contestant "${contender}"`);
      return [contender, samples];
    }),
  );
}
