/** Adding jobs over BullMQ while its server does not answer, on a clock that the test moves. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { FAULT_CHANNEL } from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import { type AddOptions, bullmq, type Task, type Tasks, tasks } from '@org/tasks';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis, withRedis } from 'test-servers/redis';

import { Breaker } from '../src/bullmq/breaker.ts';
import { connector } from '../src/bullmq/connections.ts';
import { resolveBullmqOptions } from '../src/bullmq/options.ts';
import { deferred, until } from './engine-contract.ts';

interface Given {
  readonly jobs: Tasks;
  readonly clock: FakeClock;
  readonly task: Task;
}

/** What BullMQ has, to see what is asked of it. */
interface Queue {
  add(...given: readonly unknown[]): Promise<unknown>;
  getDeduplicationJobId(key: string): Promise<string | null>;
}

describe('the breaker', () => {
  function make() {
    const clock = fakeClock();
    const probes: { resolve(value?: unknown): void; reject(error: Error): void }[] = [];
    const opened: unknown[] = [];
    const breaker = new Breaker({
      clock,
      probe: () => new Promise((resolve, reject) => probes.push({ resolve, reject })),
      onOpen: (error) => opened.push(error),
    });
    const fail = (times: number): void => {
      for (let at = 1; at <= times; at++) breaker.failed(new Error(`no ${at}`));
    };
    return { clock, breaker, probes, opened, fail };
  }

  test('opens after three failures in a row, and tells it once', () => {
    const { breaker, opened, fail } = make();
    fail(2);
    breaker.answered();
    fail(2);
    expect(breaker.isOpen).toBe(false);
    fail(5);
    expect(breaker.isOpen).toBe(true);
    expect(opened).toEqual([new Error('no 1')]);
    breaker.answered();
    expect(breaker.isOpen).toBe(true);
  });

  test('probes once a second, one at a time, until one is answered', async () => {
    const { clock, breaker, probes, fail } = make();
    fail(3);
    clock.advance(999);
    expect(probes).toHaveLength(0);
    clock.advance(1);
    clock.advance(10_000);
    expect(probes).toHaveLength(1);
    probes[0]!.reject(new Error('still away'));
    await until(() => clock.pending === 1);
    clock.advance(1000);
    probes[1]!.resolve();
    await until(() => !breaker.isOpen);
    expect(clock.pending).toBe(0);
    fail(2);
    expect(breaker.isOpen).toBe(false);
  });

  test('leaves no timer once it is disposed of, not even after a probe', async () => {
    const { clock, breaker, probes, opened, fail } = make();
    fail(3);
    clock.advance(1000);
    breaker.dispose();
    probes[0]!.reject(new Error('still away'));
    await Promise.resolve();
    breaker.failed(new Error('late'));
    expect([clock.pending, opened.length]).toEqual([0, 1]);
  });
});

test('connections to Redis are tried again at least once a second', async () => {
  const connect = await connector(resolveBullmqOptions({}));
  const { queue, worker } = connect('mail');
  for (const { connection } of [queue, worker]) {
    const { retryStrategy } = connection as { retryStrategy(attempts: number): number };
    expect([1, 2, 5, 6, 100].map(retryStrategy)).toEqual([50, 100, 800, 1000, 1000]);
  }
});

/** Lets promises that are settled go on. */
const settled = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

withRedis('BullMQ without it', () => {
  let server: RedisServer;
  let client: Redis;
  const heard: string[] = [];
  const hear = (fault: unknown): void => void heard.push((fault as { where: string }).where);
  const open: Tasks[] = [];

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.port);
  });
  beforeEach(async () => {
    heard.length = 0;
    subscribe(FAULT_CHANNEL, hear);
    await client.flushall();
  });
  afterEach(async () => {
    server.resume();
    for (const jobs of open.splice(0)) await jobs.close(AbortSignal.abort());
    unsubscribe(FAULT_CHANNEL, hear);
  });
  afterAll(async () => {
    client.disconnect();
    await server.crash();
  });

  /** Ids of the jobs that the server keeps. */
  const kept = (): Promise<string[]> => client.zrange('tasks:mail:prioritized', '0', '-1');

  async function make(): Promise<Given & { readonly queue: Queue }> {
    const clock = fakeClock();
    const engine = bullmq({ url: `redis://127.0.0.1:${server.port}` });
    const jobs = tasks({ clock, engine, works: false });
    open.push(jobs);
    const task = jobs.define('mail', { handler: () => undefined });
    await jobs.start();
    const { lines } = engine as unknown as { lines: Map<string, { readonly queue: Queue }> };
    return { jobs, clock, task, queue: lines.get('mail')!.queue };
  }

  /** Adds one, and lets its time run out. */
  async function addInVain({ task, clock }: Given, options?: AddOptions): Promise<unknown> {
    const refused = task.add({}, options).catch((error: unknown) => error);
    clock.advance(90);
    return refused;
  }

  test('an addition is refused after 90 ms, and says that the job may have been kept', async () => {
    const given = await make();
    server.pause();
    let isSettled = false;
    const refused = given.task.add({}).catch((error: unknown) => error);
    void refused.then(() => (isSettled = true));
    given.clock.advance(89);
    await settled();
    expect(isSettled).toBe(false);
    given.clock.advance(1);
    expect(await refused).toMatchObject({
      code: 'ERR_TASKS_STORAGE',
      status: 503,
      headers: { 'Retry-After': '1' },
      message:
        'The server of jobs has not confirmed the job: there was no answer within 90 ms. It may have been kept all the same; one with an id of its own can be added again safely.',
    });
    server.resume();
    // As it says.
    await until(async () => (await kept()).length === 1);
  });

  test('after three in a row further ones are refused at once, until a probe is answered', async () => {
    const given = await make();
    const { clock, jobs, task } = given;
    await task.add({}, { id: 'first' });
    server.pause();
    for (let time = 1; time <= 3; time++) await addInVain(given, { id: 'again' });
    const timers = clock.pending;
    for (let time = 1; time <= 10; time++) {
      // No time passes, and none is waited for.
      await expect(task.add({})).rejects.toMatchObject({
        code: 'ERR_TASKS_STORAGE',
        status: 503,
        headers: { 'Retry-After': '1' },
        message:
          'The job was not added, for the server of jobs is away: there was no answer within 90 ms.',
      });
    }
    expect(clock.pending).toBe(timers);
    expect(await jobs.health()).toEqual({
      status: 'fail',
      detail: 'no jobs can be added: there was no answer within 90 ms',
    });
    clock.advance(1000);
    server.resume();
    await until(() => task.add({}, { id: 'again' }).then(Boolean, () => false));
    expect(await jobs.health()).toEqual({ status: 'pass' });
    // What was refused at once was not added, and one of an id only once.
    expect(await kept()).toEqual(['first', 'again']);
  });

  test('a task that is defined meanwhile takes jobs once it is over', async () => {
    const { clock, jobs } = await make();
    server.pause();
    const late = jobs.define('late', { handler: () => undefined });
    await settled();
    clock.advance(5000);
    await until(() => heard.length > 0);
    const refused = late.add({}).catch((error: unknown) => error);
    await settled();
    clock.advance(5000);
    expect(await refused).toMatchObject({ code: 'ERR_TASKS_STORAGE', status: 503 });
    server.resume();
    await late.add({}, { id: 'first' });
    expect(await client.zrange('tasks:late:prioritized', '0', '-1')).toEqual(['first']);
  });

  test('an outage is told once, and the next one again', async () => {
    const given = await make();
    const outage = async (): Promise<void> => {
      server.pause();
      for (let time = 1; time <= 3; time++) await addInVain(given);
      // Probes that fail as well.
      for (let time = 1; time <= 3; time++) {
        given.clock.advance(1000);
        given.clock.advance(5000);
        await settled();
      }
      given.clock.advance(1000);
      server.resume();
      await until(() => given.task.add({}).then(Boolean, () => false));
    };
    await outage();
    expect(heard).toEqual(['tasks bullmq']);
    given.clock.advance(30_000);
    await outage();
    expect(heard).toEqual(['tasks bullmq', 'tasks bullmq']);
  });

  test('the time is for all calls of an addition, and it makes none once that is over', async () => {
    const given = await make();
    const { clock, queue, task } = given;
    const dedup = { key: 'document', mode: 'debounce', waitMs: 60_000 } as const;
    const first = await task.add('kept', { dedup });
    const gate = deferred();
    const look = queue.getDeduplicationJobId.bind(queue);
    const add = queue.add.bind(queue);
    const looked = deferred();
    queue.getDeduplicationJobId = async (key) => {
      await gate.promise;
      const id = await look(key);
      setImmediate(() => looked.resolve());
      return id;
    };
    let added = 0;
    queue.add = async (...job) => {
      added++;
      return add(...job);
    };
    const refused = task.add('too late', { dedup }).catch((error: unknown) => error);
    clock.advance(90);
    expect(await refused).toMatchObject({ code: 'ERR_TASKS_STORAGE' });
    gate.resolve();
    await looked.promise;
    expect(added).toBe(0);
    expect(await first.view()).toMatchObject({ data: 'kept' });
  });

  test('a job that the server refuses says nothing of the next one', async () => {
    const { clock, task } = await make();
    await task.add({});
    await client.config('SET', 'maxmemory', '1');
    const timers = clock.pending;
    for (let time = 1; time <= 5; time++) {
      await expect(task.add({})).rejects.toMatchObject({
        code: 'ERR_TASKS_STORAGE',
        message: expect.stringContaining('OOM') as string,
      });
    }
    await client.config('SET', 'maxmemory', '0');
    expect((await task.add({})).isNew).toBe(true);
    expect(clock.pending).toBe(timers);
  });

  test('an id that BullMQ takes for a number is refused before it is asked', async () => {
    const { task } = await make();
    await expect(task.add({}, { id: '-5' })).rejects.toMatchObject({ code: 'ERR_OPTION' });
  });
});
