import { correlation } from '@org/correlation';
import { bullmq, tasks, type TasksOptions } from '@org/tasks';
import { type PostgresServer, startPostgres, withPostgres } from 'test-servers/postgres';
import { type RedisServer, startRedis, withRedis } from 'test-servers/redis';
import { startSlowProxy } from 'test-servers/slow-proxy';

import { childProcess } from './child-process.ts';
import { deferred, durableContract, engineContract, until } from './engine-contract.ts';

/** Where a limit is not what is tested, a busy machine must not exceed it. */
const PATIENT_MS = 5000;

/** What is inside the engine, to see what it keeps. */
interface WithQueue {
  readonly lines: ReadonlyMap<
    string,
    {
      readonly queue: {
        getJob(id: string): Promise<{ readonly priority: number }>;
        updateJobProgress(id: string, progress: unknown): Promise<void>;
      };
    }
  >;
}

withRedis('BullMQ on it', () => {
  describe('on Redis', () => {
    let redis: RedisServer;
    let made = 0;
    const urlOf = (): string => `redis://127.0.0.1:${redis.port}`;
    /** Each test has keys of its own, each `tasks` an engine of its own. */
    const options = (): Partial<TasksOptions> => {
      const prefix = `t${++made}`;
      return {
        get engine() {
          return bullmq({ url: urlOf(), prefix, addTimeoutMs: PATIENT_MS });
        },
      };
    };
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.crash());

    engineContract('BullMQ on Redis', options);
    durableContract('BullMQ on Redis', options);

    test('is chosen by the address alone', async () => {
      const jobs = tasks({ url: urlOf() });
      const task = jobs.define('by-url', { handler: () => 'there' });
      await jobs.start();
      expect(await (await task.add({})).result()).toBe('there');
      expect(jobs.stats().engine).toBe('bullmq');
      await jobs.close();
    });

    test('lets one process add, and another one work and tell how far it is', async () => {
      const shared = options();
      const propagator = correlation();
      const web = tasks({ engine: shared.engine, works: false, propagator });
      const worker = tasks({ ...shared, propagator });
      const gate = deferred();
      worker.define('shared', {
        handler: async (job) => {
          job.progress(0.5);
          await gate.promise;
          return job.type;
        },
      });
      const task = web.define('shared', { handler: () => 'never here' });
      const heard: unknown[] = [];
      await web.start();
      task.onProgress(({ ratio, context }) => void heard.push([ratio, context?.id]));
      const handle = await task.add({}, { from: { id: 'request-7', trace: undefined } });
      const result = handle.result();
      await until(async () => (await handle.view()) !== undefined);
      await worker.start();
      await until(() => heard.length > 0);
      gate.resolve();
      expect(await result).toBe('shared');
      expect(heard).toEqual([[0.5, 'request-7']]);
      expect(await handle.progress()).toEqual({ ratio: 0.5 });
      expect(web.stats()).toMatchObject({ addedTotal: 1, completedTotal: 0 });
      expect(worker.stats()).toMatchObject({ addedTotal: 0, completedTotal: 1 });
      await Promise.all([web.close(), worker.close()]);
    });

    test('ends a job when the last of its progress is written, however slow that is', async () => {
      const { engine } = options();
      const jobs = tasks({ engine });
      const told = deferred();
      const task = jobs.define('told', {
        handler: (job) => {
          job.progress(0.1);
          job.progress(0.2);
          job.progress(1);
          told.resolve();
        },
      });
      await jobs.start();
      const { queue } = (engine as unknown as WithQueue).lines.get('told')!;
      const write = queue.updateJobProgress.bind(queue);
      const gate = deferred();
      const ratios: number[] = [];
      queue.updateJobProgress = async (id, progress) => {
        ratios.push((progress as { readonly ratio: number }).ratio);
        await gate.promise;
        await write(id, progress);
      };
      const handle = await task.add({});
      await told.promise;
      await until(async () => (await handle.view())?.state === 'active');
      expect((await handle.view())?.progress).toBeUndefined();
      gate.resolve();
      await handle.result();
      expect(await handle.progress()).toEqual({ ratio: 1 });
      // What was overtaken on its way is not written.
      expect(ratios).toEqual([0.1, 1]);
      await jobs.close();
    });

    test('has each run of a schedule done once, however many processes plan it', async () => {
      const shared = options();
      const runs: number[] = [];
      const both = [tasks(shared), tasks(shared)];
      for (const jobs of both) {
        const task = jobs.define('ticking', {
          handler: ({ schedule }) => void runs.push(schedule!.at),
        });
        jobs.schedule('every-second', 1000, { task });
        await jobs.start();
      }
      await until(() => runs.length >= 3);
      await Promise.all(both.map((jobs) => jobs.close()));
      expect(new Set(runs).size).toBe(runs.length);
      expect(runs.every((at) => at % 1000 === 0)).toBe(true);
    });

    test('raises what has waited, so that nothing urgent keeps it from its turn for ever', async () => {
      const gate = deferred();
      const order: string[] = [];
      const { engine } = options();
      const jobs = tasks({ engine: engine, ageingMs: 50 });
      const task = jobs.define<string>('aged', {
        concurrency: 1,
        handler: async ({ data }) => {
          if (data === 'first') await gate.promise;
          order.push(data);
        },
      });
      await jobs.start();
      const first = await task.add('first');
      await until(async () => (await first.view())?.state === 'active');
      const patient = await task.add('patient', { priority: -2 });
      // BullMQ keeps what it is raised to; three steps of age are more than the two that it lacks.
      const { queue } = (engine as unknown as WithQueue).lines.get('aged')!;
      await until(async () => {
        await jobs.health();
        return (await queue.getJob(patient.id)).priority < 1000;
      });
      const urgent = await task.add('new');
      gate.resolve();
      await Promise.all([patient.result(), urgent.result()]);
      expect(order).toEqual(['first', 'patient', 'new']);
      await jobs.close();
    });

    test('hands the job of a worker that was lost to another one, with a higher token', async () => {
      const url = urlOf();
      const prefix = `t${++made}`;
      const lost = childProcess('lost-worker', [url, prefix]);
      const [id] = await lost.lines(1);
      await lost.kill();
      const tokens: [number, number][] = [];
      const jobs = tasks({ engine: bullmq({ url, prefix, lockMs: 1000 }) });
      const task = jobs.define('lost', {
        handler: ({ fencingToken, attempt }) => void tokens.push([fencingToken, attempt]),
      });
      await jobs.start();
      await until(async () => (await task.find(id!))?.state === 'completed');
      expect(tokens).toEqual([[2, 1]]);
      expect(jobs.stats().takenOverTotal).toBe(1);
      await jobs.close();
    });

    test('begins once its server is there, and then plans what is planned', async () => {
      const server = await startRedis();
      await server.crash();
      const url = `redis://127.0.0.1:${server.port}`;
      const jobs = tasks({ engine: bullmq({ url, timeoutMs: 500 }) });
      const task = jobs.define('early', { handler: () => 'done' });
      const ran = deferred();
      const planned = jobs.define('planned', { handler: () => ran.resolve() });
      jobs.schedule('each-second', 1000, { task: planned });
      await expect(jobs.start()).rejects.toMatchObject({ code: 'ERR_TASKS_STORAGE' });
      expect(await jobs.health()).toMatchObject({ status: 'fail' });
      await expect(task.add({})).rejects.toMatchObject({ code: 'ERR_TASKS_STORAGE' });
      await server.restart();
      // Whoever comes next begins it.
      await until(() => task.add({}).then(Boolean, () => false));
      await ran.promise;
      await until(async () => (await jobs.health()).status === 'pass');
      await jobs.close();
      await server.crash();
    });

    test('opens nothing any more once it has closed, and says so', async () => {
      const { engine } = options();
      const jobs = tasks({ engine: engine });
      const task = jobs.define('over', { handler: () => 'done' });
      const handle = await task.add({});
      await handle.result();
      const waiting = (await task.add({}, { delayMs: 60_000 })).result();
      waiting.catch(() => undefined);
      await jobs.close();
      await expect(waiting).rejects.toMatchObject({ code: 'ERR_TASKS_CLOSED' });
      await expect(handle.result()).rejects.toMatchObject({ code: 'ERR_TASKS_CLOSED' });
      task.onProgress(() => undefined);
    });

    test('leaves nothing behind when it closes without its server', async () => {
      const server = await startRedis();
      const left = childProcess('left-behind', [`redis://127.0.0.1:${server.port}`]);
      await left.lines(1);
      await server.crash();
      left.process.kill('SIGTERM');
      // Nothing but what it left could keep it from ending.
      expect(await left.ended()).toBe(0);
    });

    test('refuses in time what a server that hangs does not take, and goes on with it', async () => {
      const server = await startRedis();
      const jobs = tasks({
        engine: bullmq({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: 1000 }),
      });
      const task = jobs.define('paused', { handler: () => 'done' });
      await jobs.start();
      await (await task.add({})).result();
      server.pause();
      await expect(task.add({})).rejects.toMatchObject({ code: 'ERR_TASKS_STORAGE', status: 503 });
      expect(await jobs.health()).toMatchObject({ status: 'fail' });
      server.resume();
      expect(await (await task.add({})).result()).toBe('done');
      await until(async () => (await jobs.health()).status === 'pass');
      await jobs.close();
      await server.crash();
    });

    test('replaces connections through which nothing comes any more', async () => {
      const proxy = await startSlowProxy(redis.port);
      const url = `redis://127.0.0.1:${proxy.port}`;
      const jobs = tasks({ engine: bullmq({ url, prefix: 'silent', timeoutMs: 2000 }) });
      const task = jobs.define('silent', { handler: () => 'done' });
      await jobs.start();
      await (await task.add({})).result();
      proxy.silence();
      await expect(task.add({})).rejects.toMatchObject({ code: 'ERR_TASKS_STORAGE' });
      await until(async () => (await jobs.health()).status === 'pass');
      expect(await (await task.add({})).result()).toBe('done');
      await jobs.close();
      await proxy.close();
    });
  });
});

withPostgres('BullMQ on it', (binaries) => {
  describe('on Postgres', () => {
    let server: PostgresServer;
    let made = 0;
    const options = (): Partial<TasksOptions> => {
      const schema = `t${++made}`;
      return {
        get engine() {
          return bullmq({ url: server.url, schema, addTimeoutMs: PATIENT_MS });
        },
      };
    };
    beforeAll(async () => {
      server = await startPostgres(binaries);
    });
    afterAll(() => server.stop());

    engineContract('BullMQ on Postgres', options);
    durableContract('BullMQ on Postgres', options);
  });
});
