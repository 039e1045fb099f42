/** A real PGlite for tests, in a process of its own, as `pglite` takes it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { PgliteInstance, PgliteResult } from '@org/db';

export interface TestPglite extends PgliteInstance {
  close(): Promise<unknown>;
}

interface Answer {
  readonly id: number;
  readonly result?: PgliteResult;
  readonly error?: object & { readonly message: string };
}

interface Waiting {
  resolve(result: PgliteResult): void;
  reject(error: unknown): void;
}

export async function startPglite(): Promise<TestPglite> {
  const worker = fork(join(__dirname, 'pglite-process.mjs'), { serialization: 'advanced' });
  const ended = once(worker, 'exit').then(([code, signal]: unknown[]) => {
    throw new Error(`PGlite ended before it was ready: ${String(code)} ${String(signal)}`);
  });
  await Promise.race([once(worker, 'message'), ended]);
  ended.catch(() => undefined);
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  worker.on('message', ({ id, result, error }: Answer) => {
    const { resolve, reject } = waiting.get(id)!;
    waiting.delete(id);
    if (error === undefined) resolve(result!);
    else reject(Object.assign(new Error(error.message), error));
  });
  const ask = (method: string, ...args: unknown[]): Promise<PgliteResult> =>
    new Promise((resolve, reject) => {
      waiting.set(++asked, { resolve, reject });
      worker.send({ id: asked, method, args });
    });
  return {
    exec: (text) => ask('exec', text),
    // Functions do not go to another process: what they read comes back as text, and is read here.
    async query(text, values, { parsers = {}, ...options } = {}) {
      const oids = Object.keys(parsers).map(Number);
      const result = await ask('query', text, values, { ...options, oids });
      for (const row of result.rows as Record<string | number, unknown>[]) {
        for (const [at, { name, dataTypeID }] of result.fields.entries()) {
          const column = options.rowMode === 'array' ? at : name;
          const parser = parsers[dataTypeID];
          const value = row[column];
          if (parser !== undefined && typeof value === 'string') row[column] = parser(value);
        }
      }
      return result;
    },
    async close() {
      const gone = once(worker, 'exit');
      worker.kill();
      await gone;
    },
  };
}
