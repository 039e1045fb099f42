/**
 * Before servers are compared: each must give the same answer, and each stack do the same jobs. One
 * that leaves something out would win.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime } from './machine.ts';
import { ServerProcess } from './server-process.ts';

const LINE_PATIENCE_MS = 5_000;

/** Headers of the answer that every server sends alike. */
const COMMON_HEADERS = ['content-type', 'content-length', 'etag', 'x-powered-by'];

/** @throws {Error} naming the first server whose answer is not that of the others. */
export async function proveSameAnswer(
  servers: readonly string[],
  runtime: Runtime,
  path: string = '/',
): Promise<void> {
  let expected: string | undefined;
  for (const server of servers) {
    const running = await ServerProcess.start(server, runtime);
    try {
      // Plainly: the length of a coded answer is a matter of who has coded it.
      const asked = { connection: 'close', 'accept-encoding': 'identity' };
      const answer = await fetch(running.url + path, { headers: asked });
      const headers = COMMON_HEADERS.map((name) => `${name}: ${answer.headers.get(name)}`);
      const told = [answer.status, ...headers, await answer.text()].join('\n');
      expected ??= told;
      if (told !== expected) {
        throw new Error(`${server} answers\n${told}\nwhere ${servers[0]} answers\n${expected}`);
      }
    } finally {
      await running.stop();
    }
  }
}

/**
 * Bytes of an access line of the server.
 * @throws {Error} naming the job that it does not do.
 */
export async function proveJobs(server: string, runtime: Runtime): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const logFile = join(folder, 'lines');
  const running = await ServerProcess.start(server, runtime, logFile);
  try {
    const { headers } = await expectAnswer(running.url, '/', 200, 'application/json');
    const requestId = headers.get('x-request-id');
    if (requestId === null) throw new Error(`${server} does not tell the client the request's id`);
    await expectAnswer(running.url, '/health/live', 200);
    await expectAnswer(running.url, '/fails', 500, 'application/problem+json');
    await expectAnswer(running.url, '/nowhere', 404, 'application/problem+json');
    return Buffer.byteLength(await lineWith(requestId, logFile, server));
  } finally {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function expectAnswer(
  url: string,
  path: string,
  status: number,
  type: string = '',
): Promise<Response> {
  const answer = await fetch(url + path, { headers: { connection: 'close' } });
  await answer.arrayBuffer();
  const told = answer.headers.get('content-type') ?? '';
  if (answer.status !== status || !told.startsWith(type)) {
    throw new Error(`${path} should answer ${status} ${type}, but did ${answer.status} ${told}`);
  }
  return answer;
}

/** Lines may be written in batches, so it may take a moment. */
async function lineWith(requestId: string, logFile: string, server: string): Promise<string> {
  const until = performance.now() + LINE_PATIENCE_MS;
  while (performance.now() < until) {
    const line = readFileSync(logFile, 'utf8')
      .split('\n')
      .find((text) => text.includes(requestId));
    if (line !== undefined) return line;
    await sleep(50);
  }
  throw new Error(`${server} writes no line with the request's id`);
}
