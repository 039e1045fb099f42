/** A server process of a test, which does not outlive the test's process, whatever ends that. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ChildServer {
  /** Stops it where it stands: connections stay, and nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends it as a crash would. */
  crash(): Promise<void>;
}

/** Starts `command`, and waits until it has printed `sign`. */
export async function startChild(
  command: string,
  args: readonly string[],
  cwd: string,
  sign: string,
): Promise<ChildServer> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  await printed(child, sign);
  return {
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async crash() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      kill();
      await ended;
    },
  };
}

async function printed(child: ChildProcess, sign: string): Promise<void> {
  let output = '';
  for await (const chunk of child.stdout!) {
    output += String(chunk);
    if (output.includes(sign)) return;
  }
  throw new Error(`${child.spawnfile} has ended:\n${output}`);
}
