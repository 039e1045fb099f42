/**
 * `pnpm smoke`: starts the reference app with the README's own command, on a free port and an
 * empty data folder, waits until it is ready, asks it a few questions, and asks it to end.
 *
 * What it relies on: the app reads PORT and DATA_DIR, answers `GET /health/ready` with 200 once it
 * can serve, and ends with code 0 after SIGTERM.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../test-servers/src/free-port.ts';
import { descendantsOf } from './processes.ts';

const ENTRY = 'apps/reference/src/index.ts';

/** The first start fills the database. */
const READY_WITHIN_MS = 120_000;
const END_WITHIN_MS = 30_000;
const ANSWER_WITHIN_MS = 10_000;

const folder = mkdtempSync(join(tmpdir(), 'smoke-'));
const port = await freePort();
const app = spawn('pnpm', ['demo'], {
  env: { ...process.env, PORT: String(port), DATA_DIR: folder },
  stdio: ['ignore', 'pipe', 'pipe'],
});
const ended = once(app, 'close');
const output: Buffer[] = [];
for (const stream of [app.stdout, app.stderr]) {
  stream.on('data', (chunk: Buffer) => output.push(chunk));
}

try {
  await ready();
  await ask('/', () => true);
  await ask('/api/countries', (body) => listIn(body).length > 0);
  await ask('/api/cities?limit=3', (body) => listIn(body).length === 3);
  await end();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(Buffer.concat(output).toString('utf8').split('\n').slice(-60).join('\n'));
  process.exitCode = 1;
} finally {
  stopAll(app);
  rmSync(folder, { recursive: true, force: true });
}

async function ready(): Promise<void> {
  const started = performance.now();
  const deadline = started + READY_WITHIN_MS;
  for (;;) {
    if (app.exitCode !== null || app.signalCode !== null) throw new Error('the app ended at once');
    if (performance.now() > deadline) {
      throw new Error(`GET /health/ready gave no 200 within ${READY_WITHIN_MS} ms`);
    }
    // A refused connection is the normal answer of an app that is still starting.
    const status = await get('/health/ready').then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) break;
    await delay(100);
  }
  console.log(`ready after ${Math.round(performance.now() - started)} ms`);
}

async function ask(path: string, isRight: (body: unknown) => boolean): Promise<void> {
  const response = await get(path);
  const text = await response.text();
  const isJson = /^application\/(?:[\w.+-]*\+)?json\b/.test(
    response.headers.get('content-type') ?? '',
  );
  if (response.status !== 200 || !isRight(isJson ? JSON.parse(text) : text)) {
    throw new Error(`GET ${path} answered ${response.status}: ${text.slice(0, 1000)}`);
  }
  console.log(`GET ${path}: 200, ${text.length} characters`);
}

function get(path: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
}

/** A collection, or the one that an envelope holds. */
function listIn(body: unknown): unknown[] {
  if (Array.isArray(body)) return body;
  if (typeof body !== 'object' || body === null) return [];
  return Object.values(body).find((member): member is unknown[] => Array.isArray(member)) ?? [];
}

/** Asks the app itself: pnpm passes a signal on, but then reports the signal, not the app's code. */
async function end(): Promise<void> {
  const server = descendantsOf(app.pid ?? 0)
    .filter(({ command }) => command.includes(ENTRY))
    .at(-1);
  if (server === undefined) throw new Error(`no process runs ${ENTRY}`);
  const started = performance.now();
  process.kill(server.pid, 'SIGTERM');
  const late = delay(END_WITHIN_MS, undefined, { ref: false }).then(() => {
    throw new Error(`the app did not end within ${END_WITHIN_MS} ms of SIGTERM`);
  });
  await Promise.race([ended, late]);
  if (app.exitCode !== 0) {
    throw new Error(`the app ended with ${app.signalCode ?? `code ${app.exitCode}`} after SIGTERM`);
  }
  console.log(`ended with code 0, ${Math.round(performance.now() - started)} ms after SIGTERM`);
}

function stopAll(parent: ChildProcess): void {
  if (parent.pid === undefined || parent.exitCode !== null || parent.signalCode !== null) return;
  for (const { pid } of descendantsOf(parent.pid)) process.kill(pid, 'SIGKILL');
  parent.kill('SIGKILL');
}
