/**
 * Background jobs that do nothing: added a hundred at a time by those who wait for each to be
 * taken, and done fifty at once. BullMQ has a Redis server of its own, which keeps nothing on the
 * disk; the durable engine has each job on the disk before it is taken (`fsync: 'always'`).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tasks, type TasksOptions } from '@org/tasks';
import { Queue, Worker } from 'bullmq';
import type { Contestant, Contestants } from '../calls.ts';

const JOBS = 1000;
const ADDERS = 100;
const CONCURRENCY = 50;
const DATA = { to: 'ada@example.org', template: 'welcome', locale: 'en' };

const folder = mkdtempSync(join(tmpdir(), 'bench-tasks-'));

export const contestants: Contestants = {
  bullmq: await peer(),
  durable: ours({ folder }, () => rmSync(folder, { recursive: true, force: true })),
  memory: ours({}),
};

function ours(options: Partial<TasksOptions>, clean?: () => void): Contestant {
  const jobs = tasks(options);
  const count = counter();
  const task = jobs.define('job', {
    concurrency: CONCURRENCY,
    handler: async () => count.done(),
  });
  return {
    calls: JOBS,
    run: () => count.all(() => task.add(DATA)),
    async close() {
      await jobs.close();
      clean?.();
    },
  };
}

async function peer(): Promise<Contestant> {
  const redis = await startRedis();
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
  const queue = new Queue('job', { connection });
  const count = counter();
  const worker = new Worker('job', async () => count.done(), {
    connection,
    concurrency: CONCURRENCY,
    removeOnComplete: { count: 1000 },
  });
  await worker.waitUntilReady();
  return {
    calls: JOBS,
    run: () => count.all(() => queue.add('job', DATA)),
    async close() {
      await worker.close(true);
      await queue.close();
      redis.process.kill('SIGKILL');
    },
  };
}

/** Adds jobs, and waits until all have been done. */
function counter(): { done(): void; all(add: () => Promise<unknown>): Promise<void> } {
  let left = 0;
  let finish: () => void = () => undefined;
  return {
    done() {
      if (--left === 0) finish();
    },
    async all(add) {
      left = JOBS;
      const over = new Promise<void>((resolve) => (finish = resolve));
      const adder = async (): Promise<void> => {
        for (let added = 0; added < JOBS / ADDERS; added++) await add();
      };
      await Promise.all([over, ...Array.from({ length: ADDERS }, adder)]);
    },
  };
}

async function startRedis(): Promise<{ readonly process: ChildProcess; readonly port: number }> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, {
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for await (const chunk of server.stdout) {
    if (String(chunk).includes('Ready to accept connections')) break;
  }
  return { process: server, port };
}
