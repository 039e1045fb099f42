/** What only a process of its own can show: that it ends, what it leaves unhandled, and threads. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'profiler-process-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Bundles a module with the profiler, as applications are, and runs it; resolves with what came of it. */
async function run(contents: string): Promise<{ code: number | null; output: string }> {
  const outfile = join(folder, 'app.mjs');
  await build({
    stdin: { contents, resolveDir: __dirname },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@org/source'],
    external: ['express'],
    logLevel: 'error',
  });
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [outfile], { env: { ...process.env, NODE_OPTIONS: '' } });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('close', (code) => resolve({ code, output }));
  });
}

describe('a process', () => {
  it('is not kept alive by a profiler that looks for stalls and that nobody closes', async () => {
    const { code, output } = await run(`
      import { profiler } from '@org/profiler';
      const made = profiler({ stallMs: 1000 });
      made.start();
      // By then the worker has begun to look.
      setTimeout(() => console.log('armed', made.stats().stalls.armed), 100);
    `);
    expect([code, output]).toEqual([0, 'armed true\n']);
  });

  it('sees a rejection of a profiled function that nobody handles', async () => {
    const { code, output } = await run(`
      import { profiler } from '@org/profiler';
      process.on('unhandledRejection', (reason) => console.log('unhandled', reason.message));
      void profiler().profile(async () => { throw new Error('nobody looks'); }, 'fails')();
    `);
    expect([code, output]).toEqual([0, 'unhandled nobody looks\n']);
  });

  it('has stalls of other threads counted, which cannot be profiled, and says so', async () => {
    const { code, output } = await run(`
      import { isMainThread, Worker } from 'node:worker_threads';
      import { profiler } from '@org/profiler';
      if (isMainThread) new Worker(new URL(import.meta.url));
      else {
        const made = profiler();
        made.start();
        console.log(made.health().status, made.stats().stalls.armed);
        await made.close();
      }
    `);
    expect([code, output]).toEqual([0, 'warn false\n']);
  });
});
