/** The statements of a test, run by PGlite in another process. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { PostgresQuery } from '@org/analytics';

export interface PgliteProcess {
  readonly query: PostgresQuery;
  stop(): Promise<void>;
}

interface Answered {
  readonly id: number;
  readonly rows?: readonly object[];
  readonly error?: string;
}

export async function startPglite(): Promise<PgliteProcess> {
  const child = fork(join(__dirname, 'pglite-process.ts'), {
    execArgv: ['--import', 'tsx', '--conditions=@org/source'],
    cwd: join(__dirname, '../../..'),
  });
  const waiting = new Map<number, (answer: Answered) => void>();
  let asked = 0;
  child.on('message', (answer: Answered) => {
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  // It ends with whoever waits for it, and keeps nobody who has given up.
  child.unref();
  child.channel?.unref();
  const begun = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => null)]);
  if (begun === null) throw new Error(`PGlite ended with ${child.exitCode}`);
  return {
    query: async (statement, values) => {
      const id = ++asked;
      const answer = new Promise<Answered>((resolve) => waiting.set(id, resolve));
      child.send({ id, statement, values });
      const { rows, error } = await answer;
      if (rows === undefined) throw new Error(error);
      return { rows };
    },
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}
