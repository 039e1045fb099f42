/**
 * What docs/adoption.md tells of clients is true: its own examples are started, that of the
 * service as it was among them, and asked.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { exampleEnvironment, ROOT, writeExamples } from './examples.ts';

const FOLDER = 'docs/.adoption-examples';
const [before, step1, step2, sessions, step3, step4] = writeExamples(
  'docs/adoption.md',
  'adoption',
  FOLDER,
).map(({ file }) => file);

const running: ChildProcess[] = [];
/** The service as it was. */
let old: string;

beforeAll(async () => {
  old = await start(before);
});

afterAll(async () => {
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(join(ROOT, FOLDER), { recursive: true, force: true });
});

/** Starts an example, and answers its address. */
async function start(
  file: string | undefined,
  environment: Record<string, string> = {},
): Promise<string> {
  const port = join(ROOT, 'scripts/test/say-port.mjs');
  const flags = ['--conditions=@org/source', '--import=tsx', `--import=${port}`];
  const child = spawn(process.execPath, [...flags, file!], {
    cwd: ROOT,
    env: { ...exampleEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
  for await (const line of createInterface(child.stdout)) {
    const [, found] = /^listens on (\d+)$/.exec(line) ?? [];
    if (found === undefined) continue;
    child.stdout.resume();
    return `http://127.0.0.1:${found}`;
  }
  throw new Error(`${file} has not listened: ${told}`);
}

interface Answer {
  readonly status: number;
  /** Every line of a header, by its name in lower case. */
  readonly lines: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
}

async function ask(
  url: string,
  { method = 'GET', body, ...headers }: OutgoingHttpHeaders & { method?: string; body?: string },
): Promise<Answer> {
  const sent = request(url, { method, headers, agent: false });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks = (await answer.toArray()) as Buffer[];
  const lines: Record<string, string[]> = {};
  for (let at = 0; at < answer.rawHeaders.length; at += 2) {
    (lines[answer.rawHeaders[at]!.toLowerCase()] ??= []).push(answer.rawHeaders[at + 1]!);
  }
  return { status: answer.statusCode!, lines, body: Buffer.concat(chunks).toString() };
}

/** A server that listens may not have started yet, and says so. */
async function readiness(url: string): Promise<Answer> {
  for (;;) {
    const answer = await ask(`${url}/healthz`, {});
    if (answer.status !== 503) return answer;
    await sleep(20);
  }
}

const HELMETS = [
  'content-security-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'origin-agent-cluster',
  'referrer-policy',
  'strict-transport-security',
  'x-content-type-options',
  'x-dns-prefetch-control',
  'x-download-options',
  'x-frame-options',
  'x-permitted-cross-domain-policies',
  'x-xss-protection',
];

const helmetsOf = ({ lines }: Answer) => HELMETS.map((name) => lines[name]);

describe('a service that adopts the family', () => {
  test('step 1: errors are problem documents in which old clients find what they read', async () => {
    const now = await start(step1);
    const wrong = { method: 'POST', body: '{"name"', 'content-type': 'application/json' };
    const [was, is] = [await ask(`${old}/orders`, wrong), await ask(`${now}/orders`, wrong)];
    expect([was.status, is.status]).toEqual([400, 400]);
    expect(Object.keys(JSON.parse(was.body) as object)).toEqual(['error']);
    const problem = JSON.parse(is.body) as Record<string, unknown>;
    expect(problem).toMatchObject({ error: problem['detail'], status: 400 });
    expect(problem).toHaveProperty('errorId');
    expect(is.lines).toMatchObject({
      'content-type': ['application/problem+json'],
      'cache-control': ['no-store'],
      vary: ['Accept'],
    });
    expect(is.lines).not.toHaveProperty('etag');

    const [gone, other] = [await ask(`${old}/nowhere`, {}), await ask(`${now}/orders`, {})];
    expect(gone.status).toBe(404);
    expect([other.status, other.lines['allow']]).toEqual([405, ['POST, OPTIONS']]);
  });

  test('step 2: one route is cached, for those with a cookie too, and emptied by its tag', async () => {
    const url = await start(step2);
    const status = async (headers: OutgoingHttpHeaders = {}): Promise<string> =>
      (await ask(`${url}/cities`, headers)).lines['cache-status']!.join();
    expect(await status()).toBe('express; fwd=uri-miss; stored');
    expect(await status()).toContain('express; hit');
    expect(await status({ cookie: 'sid=1' })).toContain('express; hit');
    expect((await ask(`${url}/import`, { method: 'POST' })).lines).not.toHaveProperty(
      'cache-status',
    );
    expect(await status()).not.toContain('hit');
    // What is lazy is there for the first that asks for it.
    expect((await ask(`${url}/reports`, {})).lines).toHaveProperty('x-frame-options');
  });

  test('HTTP sessions: a form of another site is refused, one of the app is not', async () => {
    const url = await start(sessions);
    const post = (origin: string): Promise<Answer> =>
      ask(`${url}/me`, {
        method: 'POST',
        cookie: 'connect.sid=x',
        origin,
        'sec-fetch-site': 'cross-site',
      });
    expect((await post('https://evil.example')).status).toBe(403);
    // Let through, to where no route takes it.
    expect((await post('https://app.example.com')).status).toBe(404);
  });

  test('step 3: both stand side by side, and a variable takes one of them out', async () => {
    const [both, ours] = await Promise.all([
      start(step3),
      start(step3, { ENABLE_HELMET: 'false', ENABLE_OLD_LIMIT: 'false' }),
    ]);
    const answers = await Promise.all(
      [old, both, ours].map((url) => ask(`${url}/nowhere`, { 'accept-encoding': 'gzip' })),
    );
    const [was, mixed, is] = answers as [Answer, Answer, Answer];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    for (const lines of helmetsOf(was)) expect(lines).toHaveLength(1);
    expect(helmetsOf(mixed)).toEqual(helmetsOf(was));
    expect(helmetsOf(is)).toEqual(helmetsOf(was));
    expect(mixed.lines['x-ratelimit-remaining']).toEqual(['99']);
    expect(mixed.lines).not.toHaveProperty('ratelimit');
    expect(is.lines).not.toHaveProperty('x-ratelimit-remaining');
    // Nothing is refused yet.
    const attack = await ask(`${both}/nowhere?q=1'%20OR%20'1'='1`, {});
    expect(attack.status).toBe(404);
    const ready = await readiness(both);
    expect([ready.status, ready.body]).toEqual([200, '{"status":"pass"}']);
    // Neither limiter counts a probe.
    expect(ready.lines).not.toHaveProperty('x-ratelimit-remaining');
  });

  test('step 4: one page has the numbers of both, and health keeps its path', async () => {
    const url = await start(step4);
    const ordered = await ask(`${url}/orders`, { method: 'POST' });
    expect(ordered.status).toBe(201);
    expect(ordered.lines).toHaveProperty('x-request-id');
    const { body } = await ask(`${url}/metrics`, { authorization: 'Bearer a-token-of-your-own' });
    expect(body).toContain('orders_total 1');
    expect(body).toContain('http_request_duration_seconds_count{');
    expect(body).toContain('http_server_request_duration_seconds_count{');
    const types = body.split('\n').filter((line) => line.startsWith('# TYPE'));
    expect(new Set(types).size).toBe(types.length);
    expect((await ask(`${url}/metrics`, {})).status).toBe(403);
    const ready = await readiness(url);
    expect([ready.status, ready.body]).toEqual([200, '{"status":"pass"}']);
  });
});
