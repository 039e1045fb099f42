/** The service as a process of its own, as its users run it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
/** Longer than the service's own deadline for its end. */
const END_WITHIN_MS = 20_000;

/** A process that listens. */
export interface ServiceProcess {
  readonly url: string;
  readonly process: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  /** Asks it to end; resolves to its exit code, or to none when it did not end by itself. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts the process, and does not wait for it. It does not outlive this one. */
export function launch(env: Readonly<Record<string, string>>): ChildProcess {
  const flags = ['--import', 'tsx', '--conditions=@org/source'];
  const child = spawn(process.execPath, [...flags, 'src/index.ts'], {
    cwd: FOLDER,
    env: { PATH: process.env['PATH'], PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

/** Waits until a process listens. Rejects with what it has printed where it ends before. */
export async function listening(child: ChildProcess): Promise<ServiceProcess> {
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      output += chunk.toString();
      const [, port] = /^places and trips: http:\/\/localhost:(\d+)$/m.exec(output) ?? [];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', (code) => reject(new Error(`ended with ${code}:\n${output}`)));
  });

  return {
    url,
    process: child,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill(signal);
      const late = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
      await ended;
      clearTimeout(late);
      return child.exitCode;
    },
  };
}
