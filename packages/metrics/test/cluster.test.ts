/** Workers of a real cluster: any of them tells of all. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { channel } from 'node:diagnostics_channel';
import type { Performance } from '@org/metrics';
import { metrics, relayMetrics } from '@org/metrics';

import { parse, type ParsedFamily } from './exposition-parser.ts';
import { ask, OPEN_METRICS, valuesOf } from './serving.ts';

interface Said {
  readonly event: 'port' | 'hung' | 'left' | 'exit';
  readonly id: number;
  readonly port: number;
}

/** A primary in a process of its own. */
class Primary {
  private readonly child: ChildProcess;
  private readonly said: Said[] = [];
  private readonly waiting: Set<() => void> = new Set();
  private readonly ended: Promise<unknown>;
  complaints: string = '';

  constructor(limitMs: number, mode = 'relay') {
    this.child = spawn(
      process.execPath,
      [
        '--import',
        resolve('node_modules/tsx/dist/esm/index.mjs'),
        '--conditions=@org/source',
        resolve('packages/metrics/test/fixture/workers.ts'),
        mode,
      ],
      { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, LIMIT_MS: String(limitMs) } },
    );
    this.ended = once(this.child, 'exit');
    this.child.stderr!.on('data', (chunk: Buffer) => (this.complaints += chunk.toString()));
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.said.push(JSON.parse(line) as Said);
      for (const look of this.waiting) look();
    });
  }

  tell(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  /** Starts workers, whose ids count from 1 over all, and answers their addresses. */
  async fork(...ids: readonly number[]): Promise<string[]> {
    for (const _ of ids) this.tell('fork');
    const ports = await Promise.all(ids.map(async (id) => (await this.heard('port', id)).port));
    return ports.map((port) => `http://127.0.0.1:${port}`);
  }

  heard(event: Said['event'], id: number): Promise<Said> {
    return new Promise((found) => {
      const look = (): void => {
        const match = this.said.find((one) => one.event === event && one.id === id);
        if (match === undefined) return;
        this.waiting.delete(look);
        found(match);
      };
      this.waiting.add(look);
      look();
    });
  }

  async end(): Promise<void> {
    this.child.stdin!.end();
    await this.ended;
  }
}

let primary: Primary | undefined;
afterEach(async () => {
  await primary?.end();
  primary = undefined;
});

async function scrape(url: string): Promise<Map<string, ParsedFamily>> {
  const answer = await fetch(`${url}/metrics`, { headers: { accept: OPEN_METRICS } });
  return parse(await answer.text(), 'openmetrics');
}

const DURATION = 'http_server_request_duration_seconds';

function total(family: ParsedFamily | undefined): number {
  return Object.values(valuesOf(family)).reduce((sum, value) => sum + value, 0);
}

test('any worker tells of all of them, in series and in percentiles', async () => {
  primary = new Primary(30_000);
  const urls = await primary.fork(1, 2, 3);
  for (const [at, url] of urls.entries()) {
    for (let times = 0; times <= at; times++) await ask(`${url}/work/mail`);
  }
  await ask(`${urls[0]}/work/report`);
  for (const url of urls) {
    const families = await scrape(url);
    expect(valuesOf(families.get('jobs'))).toEqual({ 'kind=mail': 6, 'kind=report': 1 });
    expect(total(families.get(DURATION))).toBe(7);
    expect(valuesOf(families.get('org_metrics_processes'))).toEqual({
      'state=answered': 3,
      'state=silent': 0,
    });
  }
  const told = (await (
    await fetch(`${urls[1]}/health/middleware/performance`)
  ).json()) as Performance;
  expect(told).toMatchObject({
    processes: 3,
    http: { count: 7 },
    routes: [{ route: '/work/:kind', count: 7 }],
  });
});

test('one that has had no request yet tells of all who have', async () => {
  primary = new Primary(30_000);
  const urls = await primary.fork(1, 2, 3);
  await ask(`${urls[0]}/work/mail`);
  expect(valuesOf((await scrape(urls[1]!)).get('jobs'))).toEqual({ 'kind=mail': 1 });
  const told = (await (
    await fetch(`${urls[2]}/health/middleware/performance`)
  ).json()) as Performance;
  expect(told.http.count).toBe(1);
});

test('many who ask at once all get an answer', async () => {
  primary = new Primary(30_000);
  const urls = await primary.fork(1, 2);
  await ask(`${urls[0]}/work/mail`);
  const pages = await Promise.all(Array.from({ length: 20 }, (_, at) => scrape(urls[at % 2]!)));
  expect(pages.map((families) => total(families.get('jobs')))).toEqual(Array(20).fill(1));
});

test('a worker that does not answer is waited for no longer than the limit, told of, and stays in the sum', async () => {
  primary = new Primary(2000);
  const urls = await primary.fork(1, 2);
  await ask(`${urls[0]}/work/mail`);
  await ask(`${urls[1]}/work/mail`);
  // Whoever was asked last, it is the primary that knows.
  await scrape(urls[1]!);
  await ask(`${urls[1]}/work/mail`);
  primary.tell('hang 2');
  await primary.heard('hung', 2);
  for (let times = 0; times < 2; times++) {
    const families = await scrape(urls[0]!);
    expect(valuesOf(families.get('org_metrics_processes'))).toEqual({
      'state=answered': 1,
      'state=silent': 1,
    });
    expect(valuesOf(families.get('jobs'))).toEqual({ 'kind=mail': 2 });
    expect(total(families.get(DURATION))).toBe(2);
  }
  primary.tell('wake 2');
  await ask(`${urls[1]}/work/mail`);
  expect(valuesOf((await scrape(urls[0]!)).get('jobs'))).toEqual({ 'kind=mail': 4 });
});

test('what a worker had counted that drains stays in the sum, before it exits', async () => {
  primary = new Primary(30_000);
  const urls = await primary.fork(1, 2);
  await ask(`${urls[1]}/work/mail`);
  expect(total((await scrape(urls[0]!)).get('jobs'))).toBe(1);
  // A request that does not end keeps it from exiting.
  const open = connect(Number(new URL(urls[1]!).port), '127.0.0.1');
  open.write('GET /work/mail HTTP/1.1\r\n');
  primary.tell('leave 2');
  await primary.heard('left', 2);
  const families = await scrape(urls[0]!);
  open.destroy();
  expect(valuesOf(families.get('jobs'))).toEqual({ 'kind=mail': 1 });
});

test('what a worker had counted that has gone stays in the sum', async () => {
  primary = new Primary(30_000);
  const urls = await primary.fork(1, 2);
  await ask(`${urls[0]}/work/mail`);
  await ask(`${urls[1]}/work/mail`);
  expect(total((await scrape(urls[0]!)).get('jobs'))).toBe(2);
  primary.tell('kill 2');
  await primary.heard('exit', 2);
  const [third] = await primary.fork(3);
  await ask(`${third!}/work/mail`);
  for (const url of [urls[0]!, third!]) {
    const families = await scrape(url);
    expect(valuesOf(families.get('jobs'))).toEqual({ 'kind=mail': 3 });
    expect(total(families.get(DURATION))).toBe(3);
    expect(valuesOf(families.get('org_metrics_processes'))).toEqual({
      'state=answered': 2,
      'state=silent': 0,
    });
  }
});

test('a primary that does not relay costs the limit, and is complained of once', async () => {
  primary = new Primary(200, 'silent-primary');
  const [url] = await primary.fork(1);
  await ask(`${url!}/work/mail`);
  for (let times = 0; times < 2; times++) expect(total((await scrape(url!)).get('jobs'))).toBe(1);
  await primary.end();
  expect(primary.complaints.match(/has to run relayMetrics/g)).toHaveLength(1);
});

test('a process that is no worker is one for itself', async () => {
  const made = metrics({ cluster: true, runtime: false });
  await made.start();
  made.counter('jobs_total', { help: 'Jobs.' }).add();
  const families = parse((await made.page(OPEN_METRICS)).body, 'openmetrics');
  expect(valuesOf(families.get('org_metrics_processes'))).toEqual({
    'state=answered': 1,
    'state=silent': 0,
  });
  made.close();
});

test('a relay closes twice', () => {
  const relay = relayMetrics();
  expect(relay.stats()).toEqual({ workers: 0, relayedTotal: 0 });
  relay.close();
  relay.close();
  expect(channel('@org/fault').hasSubscribers).toBe(false);
});
