/** What every engine promises, seen through the jobs that it keeps. Nothing here depends on how fast it is. */
import { hasCode } from '@org/core';
import { type Job, type Tasks, tasks, type TasksOptions } from '@org/tasks';

/** Options that have `tasks` use the engine; those of one test share what it keeps, those of two do not. */
export type MakeOptions = () => Partial<TasksOptions>;

interface Deferred<T = void> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Asks again until it is so; how long that takes is the engine's affair. */
export async function until(isSo: () => unknown): Promise<void> {
  // A test that has failed meanwhile must not keep its process.
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5).unref());
}

export function engineContract(name: string, makeOptions: MakeOptions): void {
  const open: Tasks[] = [];
  let options: Partial<TasksOptions>;

  beforeEach(() => {
    options = makeOptions();
  });
  afterEach(async () => {
    for (const jobs of open.splice(0)) await jobs.close(AbortSignal.abort());
  });

  async function start(more: Partial<TasksOptions> = {}): Promise<Tasks> {
    const jobs = tasks({ ...options, ...more });
    open.push(jobs);
    await jobs.start();
    return jobs;
  }

  describe(`${name} keeps the engine contract`, () => {
    test('does a job, and tells what it answers', async () => {
      const jobs = await start();
      const double = jobs.define<{ n: number }, { twice: number }>('double', {
        handler: ({ data }) => ({ twice: 2 * data.n }),
      });
      const handle = await double.add({ n: 21 });
      expect(handle.isNew).toBe(true);
      expect(await handle.result()).toEqual({ twice: 42 });
      // And once more, now that it is over.
      expect(await handle.result()).toEqual({ twice: 42 });
      expect(await handle.view()).toMatchObject({
        id: handle.id,
        type: 'double',
        state: 'completed',
        data: { n: 21 },
        attempts: 1,
        failures: [],
        result: { twice: 42 },
      });
    });

    test('hands data over as JSON has it, in whatever form it came', async () => {
      const jobs = await start();
      const seen: unknown[] = [];
      const task = jobs.define('any', { handler: ({ data }) => void seen.push(data) });
      const values = [null, 0, 'text\n\u2028 é 🙂', [1, [2]], { a: { b: new Date(0) } }, undefined];
      for (const value of values) await (await task.add(value)).result();
      expect(seen).toEqual([
        null,
        0,
        'text\n\u2028 é 🙂',
        [1, [2]],
        { a: { b: '1970-01-01T00:00:00.000Z' } },
        null,
      ]);
    });

    test('tries again what fails, tells each attempt of those before, and keeps why', async () => {
      const jobs = await start();
      const seen: [number, number][] = [];
      const task = jobs.define('flaky', {
        attempts: 3,
        backoff: { baseMs: 1 },
        handler: ({ attempt, failures }) => {
          seen.push([attempt, failures.length]);
          if (attempt < 3) throw Object.assign(new Error(`no ${attempt}`), { code: 'E_NO' });
          return 'at last';
        },
      });
      const handle = await task.add({});
      expect(await handle.result()).toBe('at last');
      expect(seen).toEqual([
        [1, 0],
        [2, 1],
        [3, 2],
      ]);
      const view = await handle.view();
      expect(view?.failures).toMatchObject([
        { attempt: 1, message: 'no 1', code: 'E_NO', name: 'Error' },
        { attempt: 2, message: 'no 2' },
      ]);
      expect(view?.failures[0]?.worker).toContain(String(process.pid));
      expect(view?.failures[0]?.stack).toContain('engine-contract');
    });

    test('gives each attempt a greater fencing token', async () => {
      const jobs = await start();
      const tokens: number[] = [];
      const task = jobs.define('fenced', {
        backoff: { baseMs: 0 },
        handler: ({ fencingToken, attempt }) => {
          tokens.push(fencingToken);
          if (attempt < 3) throw new Error('again');
        },
      });
      await (await task.add({})).result();
      expect(tokens).toHaveLength(3);
      expect(tokens).toEqual(tokens.toSorted((one, other) => one - other));
      expect(new Set(tokens).size).toBe(3);
    });

    test('keeps what failed for good, with its diagnosis, until it is replayed or discarded', async () => {
      const jobs = await start();
      let works = false;
      const task = jobs.define<{ n: number }, string>('doomed', {
        attempts: 2,
        backoff: { baseMs: 0 },
        handler: () => {
          if (!works) throw new Error('not yet');
          return 'fine';
        },
      });
      const [first, second] = [await task.add({ n: 1 }), await task.add({ n: 2 })];
      await expect(first.result()).rejects.toMatchObject({ code: 'ERR_TASKS_DEAD' });
      await expect(second.result()).rejects.toThrow('not yet');
      const listed = await jobs.dead.list({ task: 'doomed' });
      expect(listed.map(({ id }) => id).toSorted()).toEqual([first.id, second.id].toSorted());
      expect(listed[0]).toMatchObject({ state: 'dead', attempts: 2 });
      expect(listed[0]?.failures.map(({ attempt }) => attempt)).toEqual([1, 2]);

      works = true;
      expect(await jobs.dead.replay(first.id)).toBe(true);
      await until(async () => (await first.view())?.state === 'completed');
      expect(await first.result()).toBe('fine');
      expect(await jobs.dead.replay(first.id)).toBe(false);
      expect(await jobs.dead.discard(second.id)).toBe(true);
      expect(await jobs.dead.discard(second.id)).toBe(false);
      expect(await jobs.dead.list()).toEqual([]);
      await expect(second.result()).rejects.toMatchObject({ code: 'ERR_TASKS_UNKNOWN' });
    });

    test('does not try again what is not worth it', async () => {
      const jobs = await start();
      const runs: string[] = [];
      const plain = jobs.define('permanent', {
        handler: ({ type }) => {
          runs.push(type);
          throw Object.assign(new Error('no such customer'), { retryable: false });
        },
      });
      const own = jobs.define('judged', {
        retryIf: (error) => (error as Error).message !== 'enough',
        handler: ({ type }) => {
          runs.push(type);
          throw new Error('enough');
        },
      });
      await expect((await plain.add({})).result()).rejects.toThrow('no such customer');
      await expect((await own.add({})).result()).rejects.toThrow('enough');
      expect(runs).toEqual(['permanent', 'judged']);
    });

    test('lets a job wait, and does the rest meanwhile', async () => {
      const jobs = await start();
      const begunAt = new Map<string, number>();
      const task = jobs.define<string>('later', {
        handler: ({ data }) => void begunAt.set(data, Date.now()),
      });
      const never = await task.add('in an hour', { delayMs: 3_600_000 });
      expect((await never.view())?.state).toBe('delayed');
      const soon = await task.add('soon', { delayMs: 100 });
      const { addedAt } = (await soon.view())!;
      await (await task.add('now')).result();
      await soon.result();
      expect([...begunAt.keys()].toSorted()).toEqual(['now', 'soon']);
      expect(begunAt.get('soon')).toBeGreaterThanOrEqual(addedAt + 100);
      expect(await never.cancel()).toBe(true);
    });

    test('does the urgent first', async () => {
      const jobs = await start();
      const gate = deferred();
      const order: string[] = [];
      const task = jobs.define<string>('ranked', {
        concurrency: 1,
        handler: async ({ data }) => {
          if (data === 'first') await gate.promise;
          order.push(data);
        },
      });
      const first = await task.add('first');
      await until(async () => (await first.view())?.state === 'active');
      const handles = [
        await task.add('low', { priority: -5 }),
        await task.add('normal 1'),
        await task.add('high', { priority: 5 }),
        await task.add('normal 2'),
      ];
      gate.resolve();
      await Promise.all(handles.map((handle) => handle.result()));
      expect(order).toEqual(['first', 'high', 'normal 1', 'normal 2', 'low']);
    });

    test('never does more at once than the task may', async () => {
      const jobs = await start();
      let active = 0;
      let most = 0;
      const task = jobs.define('narrow', {
        concurrency: 3,
        handler: async () => {
          most = Math.max(most, ++active);
          await new Promise((resolve) => setTimeout(resolve, 5));
          active--;
        },
      });
      const handles = await Promise.all(Array.from({ length: 20 }, () => task.add({})));
      await Promise.all(handles.map((handle) => handle.result()));
      expect(most).toBe(3);
    });

    test('drops what is there already, until that is over', async () => {
      const jobs = await start();
      const gate = deferred();
      let runs = 0;
      const task = jobs.define('once', {
        handler: async () => {
          runs++;
          await gate.promise;
        },
      });
      const dedup = { key: 'user-7', mode: 'drop' } as const;
      const first = await task.add({}, { dedup });
      const again = await task.add({}, { dedup });
      expect([again.id, again.isNew]).toEqual([first.id, false]);
      await until(async () => (await first.view())?.state === 'active');
      expect((await task.add({}, { dedup })).id).toBe(first.id);
      const other = await task.add({}, { dedup: { key: 'user-8', mode: 'drop' } });
      expect(other.isNew).toBe(true);
      gate.resolve();
      await Promise.all([first.result(), other.result()]);
      expect(runs).toBe(2);
      const next = await task.add({}, { dedup });
      expect(next.isNew).toBe(true);
      await next.result();
    });

    test('adds one of an id only once, while that is kept', async () => {
      const jobs = await start();
      let runs = 0;
      const task = jobs.define('named', { handler: () => ++runs });
      const first = await task.add({}, { id: 'invoice-2026.11@7' });
      expect([first.id, first.isNew]).toEqual(['invoice-2026.11@7', true]);
      expect(await first.result()).toBe(1);
      const again = await task.add({}, { id: 'invoice-2026.11@7' });
      expect([again.id, again.isNew]).toEqual([first.id, false]);
      expect(await again.result()).toBe(1);
    });

    test('replaces the data of what has not begun, and adds where it has', async () => {
      const jobs = await start();
      const gate = deferred();
      const seen: string[] = [];
      const task = jobs.define<string>('latest', {
        concurrency: 1,
        handler: async ({ data }) => {
          seen.push(data);
          if (data === 'a') await gate.promise;
        },
      });
      const dedup = { key: 'document-1', mode: 'replace' } as const;
      const a = await task.add('a', { dedup });
      await until(() => seen.length === 1);
      const b = await task.add('b', { dedup });
      expect(b.isNew).toBe(true);
      const c = await task.add('c', { dedup });
      expect([c.id, c.isNew]).toEqual([b.id, false]);
      gate.resolve();
      await Promise.all([a.result(), c.result()]);
      expect(seen).toEqual(['a', 'c']);
    });

    test('debounces: does it once with the latest data, and not later than the maximum', async () => {
      const jobs = await start();
      const seen: string[] = [];
      const task = jobs.define<string>('search-index', {
        handler: ({ data }) => void seen.push(data),
      });
      const wait = { key: 'article-1', mode: 'debounce', waitMs: 3_600_000 } as const;
      const first = await task.add('1', { dedup: wait });
      const second = await task.add('2', { dedup: wait });
      expect([second.id, second.isNew]).toEqual([first.id, false]);
      expect(await second.view()).toMatchObject({ state: 'delayed', data: '2' });
      expect(await second.cancel()).toBe(true);

      // Each addition would wait for an hour; all of them together for two seconds.
      const capped = { ...wait, key: 'article-2', maxWaitMs: 2000 } as const;
      const third = await task.add('3', { dedup: capped });
      const fourth = await task.add('4', { dedup: capped });
      expect(fourth.id).toBe(third.id);
      await fourth.result();
      expect(seen).toEqual(['4']);
    });

    test('takes back what has not begun, and nothing else', async () => {
      const jobs = await start();
      const gate = deferred();
      const task = jobs.define('cancelled', { concurrency: 1, handler: () => gate.promise });
      const running = await task.add({});
      await until(async () => (await running.view())?.state === 'active');
      const waiting = await task.add({});
      const delayed = await task.add({}, { delayMs: 60_000 });
      const result = waiting.result().catch((error: unknown) => error);
      await until(async () => (await waiting.view())?.state === 'waiting');
      expect(await waiting.cancel()).toBe(true);
      expect(await delayed.cancel()).toBe(true);
      expect(await running.cancel()).toBe(false);
      expect(await result).toMatchObject({ code: 'ERR_TASKS_CANCELLED' });
      expect(await waiting.view()).toBeUndefined();
      gate.resolve();
      await running.result();
    });

    test('tells how far a job has come', async () => {
      const jobs = await start();
      const gate = deferred();
      const task = jobs.define('long', {
        handler: async (job) => {
          job.progress(0.25, { step: 'fetch' });
          await gate.promise;
          job.progress(7);
        },
      });
      const heard: unknown[] = [];
      const away = task.onProgress((progress) => void heard.push(progress));
      const handle = await task.add({});
      await until(async () => (await handle.progress())?.ratio === 0.25);
      gate.resolve();
      await handle.result();
      await until(() => heard.length >= 2);
      expect(heard).toEqual([
        { id: handle.id, ratio: 0.25, detail: { step: 'fetch' } },
        { id: handle.id, ratio: 1 },
      ]);
      away();
      expect(await handle.progress()).toEqual({ ratio: 1 });
    });

    test('counts by where jobs are', async () => {
      const jobs = await start();
      const gate = deferred();
      const task = jobs.define('counted', {
        concurrency: 1,
        attempts: 1,
        handler: async ({ data }) => {
          if (data === 'fails') throw new Error('counted');
          await gate.promise;
        },
      });
      await expect((await task.add('fails')).result()).rejects.toThrow('counted');
      const running = await task.add({});
      await until(async () => (await running.view())?.state === 'active');
      await task.add({});
      await task.add({}, { delayMs: 60_000 });
      await until(() => {
        const { waiting, delayed, active, dead } = jobs.stats();
        return waiting === 1 && delayed === 1 && active === 1 && dead === 1;
      });
      expect(jobs.stats()).toMatchObject({ addedTotal: 4, failedTotal: 1, deadTotal: 1 });
      gate.resolve();
      await running.result();
    });

    test('does several at once where the handler takes them, each with an end of its own', async () => {
      const jobs = await start();
      const sizes: number[] = [];
      const task = jobs.define<number, number>('batched', {
        attempts: 1,
        concurrency: 1,
        batch: {
          size: 5,
          windowMs: 20,
          handler: (batch) => {
            sizes.push(batch.length);
            return batch.map(({ data }) => (data === 3 ? new Error('not three') : 10 * data));
          },
        },
      });
      const handles = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => task.add(n)));
      const results = await Promise.allSettled(handles.map((handle) => handle.result()));
      expect(results.map((one) => (one.status === 'fulfilled' ? one.value : 'failed'))).toEqual([
        10,
        20,
        'failed',
        40,
        50,
        60,
      ]);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(5);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(6);
      expect(sizes.length).toBeLessThan(6);
    });

    test('gives back what runs when the time to close is over, and takes no more', async () => {
      const jobs = await start();
      const seen: { aborted?: boolean } = {};
      const begun = deferred();
      const task = jobs.define('endless', {
        handler: (job) =>
          new Promise<void>((resolve) => {
            begun.resolve();
            job.signal.addEventListener('abort', () => {
              seen.aborted = hasCode(job.signal.reason, 'ERR_TASKS_CLOSED');
              resolve();
            });
          }),
      });
      const handle = await task.add({});
      const result = handle.result().catch((error: unknown) => error);
      await begun.promise;
      await jobs.close(AbortSignal.abort());
      expect(seen.aborted).toBe(true);
      expect(jobs.stats()).toMatchObject({ returnedTotal: 1, failedTotal: 0, completedTotal: 0 });
      expect(hasCode(await result, 'ERR_TASKS_CLOSED')).toBe(true);
      await expect(task.add({})).rejects.toMatchObject({ code: 'ERR_TASKS_CLOSED', status: 503 });
    });

    test('waits for what runs when it closes', async () => {
      const jobs = await start();
      const [begun, gate] = [deferred(), deferred()];
      let ended = false;
      const task = jobs.define('short', {
        handler: async () => {
          begun.resolve();
          await gate.promise;
          ended = true;
        },
      });
      await task.add({});
      await begun.promise;
      const closed = jobs.close();
      gate.resolve();
      await closed;
      expect(ended).toBe(true);
      expect(jobs.stats()).toMatchObject({ completedTotal: 1, returnedTotal: 0 });
    });
  });
}

/** Of engines whose jobs outlive the process: what one leaves, the next one does. */
export function durableContract(name: string, makeOptions: MakeOptions): void {
  describe(`${name} outlives its process`, () => {
    test('and what waits, is delayed or was given back is done by the next one, with higher tokens', async () => {
      const options = makeOptions();
      const before = tasks(options);
      await before.start();
      const tokens = new Map<string, number[]>();
      const note = ({ id, fencingToken }: Job): void => {
        tokens.set(id, [...(tokens.get(id) ?? []), fencingToken]);
      };
      const begun = deferred();
      const first = before.define('kept', {
        concurrency: 1,
        handler: async (job) => {
          note(job);
          begun.resolve();
          await new Promise((resolve) => job.signal.addEventListener('abort', resolve));
        },
      });
      const handles = [
        await first.add({ n: 0 }),
        await first.add({ n: 1 }, { priority: 3 }),
        await first.add({ n: 2 }, { delayMs: 100 }),
      ];
      await begun.promise;
      await before.close(AbortSignal.abort());

      const after = tasks(options);
      const seen: number[] = [];
      const all = deferred();
      after.define<{ n: number }>('kept', {
        handler: (job) => {
          note(job);
          seen.push(job.data.n);
          if (seen.length === 3) all.resolve();
        },
      });
      await after.start();
      await all.promise;
      expect(new Set(seen)).toEqual(new Set([0, 1, 2]));
      const [one, other] = tokens.get(handles[0]!.id) ?? tokens.get(handles[1]!.id)!;
      expect(other ?? Number.POSITIVE_INFINITY).toBeGreaterThan(one!);
      await after.close();
    });

    test('and dead and completed jobs are there again', async () => {
      const options = makeOptions();
      const before = tasks(options);
      const define = (jobs: Tasks, works: boolean) =>
        jobs.define<unknown, string>('mixed', {
          attempts: 1,
          handler: ({ data }) => {
            if (data === 'dies' && !works) throw new Error('as it must');
            return 'done';
          },
        });
      const first = define(before, false);
      const dead = await first.add('dies');
      const done = await first.add('lives');
      await expect(dead.result()).rejects.toThrow('as it must');
      expect(await done.result()).toBe('done');
      await before.close();

      const after = tasks(options);
      await after.start();
      const second = define(after, true);
      expect(await second.find(done.id)).toMatchObject({ state: 'completed', result: 'done' });
      const [listed] = await after.dead.list();
      expect(listed).toMatchObject({ id: dead.id, data: 'dies' });
      expect(listed?.failures[0]?.message).toBe('as it must');
      expect(await after.dead.replay(dead.id)).toBe(true);
      await until(async () => (await second.find(dead.id))?.state === 'completed');
      await after.close();
    });
  });
}
