/** Runs a command to its end; when it fails, the error tells what it printed. */
import { spawnSync } from 'node:child_process';

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
  const result = spawnSync(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    encoding: 'utf8',
    // A question would wait for ever: nobody is there to answer it.
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) {
    const end = result.signal ?? `code ${result.status}`;
    const output = `${result.stdout}${result.stderr}`.trim();
    throw new Error(`${command} ${args.join(' ')} ended with ${end}:\n${output}`);
  }
  return result.stdout;
}
