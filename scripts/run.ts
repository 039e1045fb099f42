/** Runs a command to its end; when it fails, the error tells what it printed. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';

export interface RunOptions {
  readonly cwd: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * What the command wrote to its standard output.
 *
 * @throws {Error} with both outputs when the command cannot start, or ends with another code than 0.
 */
export function run(command: string, args: readonly string[], options: RunOptions): string {
  return outputOf([command, ...args], spawn(command, args, options));
}

/**
 * Runs pnpm: the one that runs us, or, when we were started without, the one that npx brings.
 *
 * @throws {Error} as `run` does.
 */
export function runPnpm(args: readonly string[], options: RunOptions): string {
  const result = spawn('pnpm', args, options);
  if (result.error !== undefined && 'code' in result.error && result.error.code === 'ENOENT') {
    return run('npx', ['-y', 'pnpm@12', ...args], options);
  }
  return outputOf(['pnpm', ...args], result);
}

function spawn(
  command: string,
  args: readonly string[],
  { cwd, env }: RunOptions,
): SpawnSyncReturns<string> {
  return spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    // A question would wait for ever: nobody is there to answer it.
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
}

function outputOf(command: readonly string[], result: SpawnSyncReturns<string>): string {
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) {
    const end = result.signal ?? `code ${result.status}`;
    const output = `${result.stdout}${result.stderr}`.trim();
    throw new Error(`${command.join(' ')} ended with ${end}:\n${output}`);
  }
  return result.stdout;
}
