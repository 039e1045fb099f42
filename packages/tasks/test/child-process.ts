/** Another process of a test, of a script in `processes/`: it says what it does line by line, and can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Child {
  readonly process: ChildProcess;
  /** What it has said so far. */
  readonly said: readonly string[];
  /** Waits until it has said so many lines, or has ended. */
  lines(count: number): Promise<readonly string[]>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  ended(): Promise<number | null>;
}

export function childProcess(script: string, args: readonly string[]): Child {
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      '--conditions=@org/source',
      join(__dirname, 'processes', `${script}.ts`),
      ...args,
    ],
    { cwd: join(__dirname, '../../..'), stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const said: string[] = [];
  const state = { hasEnded: false };
  const wakers = new Set<() => void>();
  const wake = (): void => {
    for (const waker of wakers) waker();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(line);
    wake();
  });
  const over = once(child, 'close').then(([code]) => {
    state.hasEnded = true;
    wake();
    return code as number | null;
  });
  return {
    process: child,
    said,
    async lines(count) {
      while (said.length < count && !state.hasEnded) {
        await new Promise<void>((resolve) => {
          wakers.add(resolve);
        });
        wakers.clear();
      }
      return said;
    },
    async kill() {
      child.kill('SIGKILL');
      await over;
    },
    ended: () => over,
  };
}
