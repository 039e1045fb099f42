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

  it('is told what blocks it, and says nothing of debuggers when it exits then', async () => {
    const { code, output } = await run(`
      import { profiler } from '@org/profiler';
      const ofTheApp = () => { throw new Error('is not to be asked'); };
      Error.prepareStackTrace = ofTheApp;
      const made = profiler({
        stallMs: 40,
        // The machine may have had a stall of its own before.
        stallCooldownMs: 1,
        maxStallCapturesPerHour: 3600,
        onEvent(event) {
          const stack = event.type === 'captured' ? event.capture.stack : [];
          if (!stack.some((frame) => frame.includes('blocksIt '))) return;
          console.log(Error.prepareStackTrace === ofTheApp, Error.stackTraceLimit);
          process.exit(3);
        },
      });
      made.start();
      // Long enough for V8 to optimise the loop, of which its samples know nothing then.
      function blocksIt() {
        for (const untilMs = performance.now() + 300; performance.now() < untilMs; );
      }
      setInterval(blocksIt, 100);
      setTimeout(() => process.exit(9), 20_000);
    `);
    expect([code, output]).toEqual([3, 'true 10\n']);
  });

  it('streams a heap snapshot of itself and keeps none, and ends it when its client goes', async () => {
    const { output } = await run(`
      import { createServer } from 'node:http';
      import { profiler } from '@org/profiler';
      const events = [];
      const made = profiler({
        heapSnapshots: true,
        stallMs: false,
        onEvent: ({ type, kind, reason }) => events.push([type, kind, reason.code]),
      });
      const server = createServer((req, res) => made[1](req, res, (error) => res.end(String(error))));
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = 'http://127.0.0.1:' + server.address().port
        + '/api/middleware/profiler/heap?format=heapsnapshot';
      const { headers, body } = await fetch(url).then(async (response) => ({
        headers: response.headers,
        body: await response.json(),
      }));
      console.log(headers.get('content-disposition'), headers.get('content-length'));
      console.log(body.nodes.length > 0, made.stats().captures, made.stats().running);
      const controller = new AbortController();
      const second = await fetch(url, { signal: controller.signal });
      controller.abort();
      await second.text().catch((error) => console.log(error.name));
      while (made.stats().running !== 'nothing') await new Promise((next) => setImmediate(next));
      console.log(JSON.stringify(events));
      server.close();
      server.closeAllConnections();
    `);
    expect(output.split('\n')).toEqual([
      expect.stringMatching(/^attachment; filename="[\dTZ-]+\.heapsnapshot" null$/),
      'true 0 nothing',
      'AbortError',
      '[["aborted","snapshot","ERR_CLIENT_CLOSED"]]',
      '',
    ]);
  });

  it('is told that a snapshot has stopped it before its loop turns again', async () => {
    const { output } = await run(`
      import { PassThrough } from 'node:stream';
      import { writeSnapshot } from '../src/snapshot.ts';
      setImmediate(() => console.log('turned'));
      const written = writeSnapshot(
        new PassThrough().resume(), new AbortController().signal, () => console.log('stood'),
      );
      await written;
    `);
    expect(output).toBe('stood\nturned\n');
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
