/** The databases that tests run on: a real Postgres server, and PGlite, each asked by the same words. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Pool } from 'pg';

import { startPostgres, withPostgres } from 'test-servers/postgres';

export interface Database {
  /** Without values the text may be several statements. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as that of drivers
  query<R extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ rows: R[] }>;
  close(): Promise<void>;
}

/** Runs the same tests on both. */
export function onBothDatabases(what: string, define: (database: () => Database) => void): void {
  describe('on PGlite', () => define(openedBy(startPglite)));
  withPostgres(what, (binaries) => {
    describe('on a Postgres server', () => define(openedBy(() => startServer(binaries))));
  });
}

function openedBy(open: () => Promise<Database>): () => Database {
  let database: Database | undefined;
  beforeAll(async () => {
    database = await open();
  }, 120_000);
  afterAll(() => database?.close(), 120_000);
  return () => database!;
}

async function startServer(binaries: string): Promise<Database> {
  const server = await startPostgres(binaries);
  const pool = new Pool({ connectionString: server.url, max: 4 });
  // The server ends before its last connection does.
  pool.on('error', () => undefined);
  return {
    query: (text, values) => pool.query(text, values as unknown[] | undefined) as never,
    async close() {
      await pool.end();
      await server.stop();
    },
  };
}

interface Answer {
  readonly id: number;
  readonly rows?: object[];
  readonly error?: object & { readonly message: string };
}

interface Waiting {
  resolve(result: { rows: object[] }): void;
  reject(error: unknown): void;
}

async function startPglite(): Promise<Database> {
  const worker = fork(join(__dirname, 'pglite-process.mjs'), { serialization: 'advanced' });
  const ended = once(worker, 'exit').then(([code, signal]: unknown[]) => {
    throw new Error(`PGlite ended before it was ready: ${String(code)} ${String(signal)}`);
  });
  await Promise.race([once(worker, 'message'), ended]);
  ended.catch(() => undefined);
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  worker.on('message', ({ id, rows, error }: Answer) => {
    const { resolve, reject } = waiting.get(id)!;
    waiting.delete(id);
    if (error === undefined) resolve({ rows: rows ?? [] });
    else reject(Object.assign(new Error(error.message), error));
  });
  return {
    query: (text, values) =>
      new Promise((resolve, reject) => {
        waiting.set(++asked, { resolve: resolve as never, reject });
        worker.send({ id: asked, text, values });
      }),
    async close() {
      const gone = once(worker, 'exit');
      worker.kill();
      await gone;
    },
  };
}
