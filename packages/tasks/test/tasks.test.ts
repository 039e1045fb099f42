import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type Correlated,
  defineComponent,
  exchangeOf,
  FAULT_CHANNEL,
  OptionError,
  type Propagator,
} from '@org/core';
import { fakeClock, fakeHost, serve } from '@org/core/testing';
import { correlation } from '@org/correlation';
import { setup } from '@org/setup';
import {
  type Added,
  type Counts,
  type Engine,
  type EnginePort,
  type Job,
  type JobView,
  type LeasedJob,
  type NewJob,
  type Outcome,
  type TaskEvent,
  TASK_DEFAULTS,
  tasks,
  TASKS_CHANNEL,
  TASKS_DEFAULTS,
  type TasksOptions,
  type TypePolicy,
} from '@org/tasks';
import express from 'express';
import { z } from 'zod';

import { deferred } from './engine-contract.ts';

const clean: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of clean.splice(0).toReversed()) await step();
});

function make(options: Partial<TasksOptions> = {}) {
  const clock = fakeClock();
  const events: TaskEvent[] = [];
  const jobs = tasks({
    clock,
    random: () => 0.5,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  clean.push(() => jobs.close(AbortSignal.abort()));
  return { jobs, clock, events, types: () => events.map(({ type }) => type) };
}

/** Lets the engine do what it can do now. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

function faults(): { readonly error: unknown; readonly where: string }[] {
  const heard: { error: unknown; where: string }[] = [];
  const listen = (fault: unknown): void => void heard.push(fault as (typeof heard)[number]);
  subscribe(FAULT_CHANNEL, listen);
  clean.push(() => void unsubscribe(FAULT_CHANNEL, listen));
  return heard;
}

describe('time limits', () => {
  test('abort the signal, and fail the attempt with the reason', async () => {
    const { jobs, clock, types } = make();
    let reason: unknown;
    const task = jobs.define('slow', {
      timeoutMs: 1000,
      attempts: 1,
      handler: (job) =>
        new Promise((_, reject) => {
          job.signal.addEventListener('abort', () => {
            reason = job.signal.reason;
            reject(new Error('gave up'));
          });
        }),
    });
    const handle = await task.add({});
    const result = handle.result().catch((error: unknown) => error);
    await settled();
    clock.advance(999);
    expect((await handle.view())?.state).toBe('active');
    clock.advance(1);
    expect(await result).toMatchObject({ code: 'ERR_TASKS_DEAD' });
    expect(reason).toMatchObject({ code: 'ERR_TASKS_TIMEOUT' });
    expect((await handle.view())?.failures).toMatchObject([
      { code: 'ERR_TASKS_TIMEOUT', durationMs: 1000 },
    ]);
    expect(types()).toEqual(['added', 'started', 'timed-out', 'dead']);
    expect(jobs.stats()).toMatchObject({ timedOutTotal: 1, hungTotal: 0 });
  });

  test('free the slot of a handler that does not end, and count it until it does', async () => {
    const { jobs, clock } = make();
    const gate = deferred();
    const task = jobs.define<string>('hangs', {
      concurrency: 1,
      timeoutMs: 1000,
      graceMs: 500,
      attempts: 1,
      handler: ({ data }) => (data === 'hangs' ? gate.promise : undefined),
    });
    const hung = await task.add('hangs');
    const next = await task.add('next');
    const result = hung.result().catch((error: unknown) => error);
    await settled();
    clock.advance(1499);
    await settled();
    expect((await next.view())?.state).toBe('waiting');
    clock.advance(1);
    expect(await result).toMatchObject({ code: 'ERR_TASKS_DEAD' });
    await next.result();
    expect(jobs.stats()).toMatchObject({ hung: 1, hungTotal: 1, active: 0 });
    expect(await jobs.health()).toMatchObject({
      status: 'warn',
      detail: expect.stringMatching('hangs'),
    });
    gate.resolve();
    await settled();
    expect(jobs.stats()).toMatchObject({ hung: 0, hungTotal: 1, completedTotal: 1, deadTotal: 1 });
    expect(await jobs.health()).toEqual({ status: 'pass' });
  });

  test('fail what ends too late, however well it ends', async () => {
    const { jobs, clock } = make();
    const gate = deferred();
    const task = jobs.define('late', { timeoutMs: 100, attempts: 1, handler: () => gate.promise });
    const handle = await task.add({});
    const result = handle.result().catch((error: unknown) => error);
    await settled();
    clock.advance(100);
    gate.resolve();
    expect(await result).toMatchObject({ code: 'ERR_TASKS_DEAD' });
    expect(jobs.stats()).toMatchObject({ hung: 0, hungTotal: 0, failedTotal: 1 });
  });

  test('of a batch count from when it begins, and free its place', async () => {
    const { jobs, clock } = make();
    const begun: number[] = [];
    const task = jobs.define<number>('batch', {
      concurrency: 1,
      timeoutMs: 1000,
      graceMs: 0,
      attempts: 1,
      batch: {
        size: 2,
        windowMs: 700,
        handler: async (batch) => {
          begun.push(batch.length);
          if (begun.length === 1) await new Promise(() => undefined);
        },
      },
    });
    const first = await task.add(1);
    await settled();
    clock.advance(700);
    await settled();
    expect(begun).toEqual([1]);
    clock.advance(999);
    await settled();
    expect((await first.view())?.state).toBe('active');
    const others = [await task.add(2), await task.add(3)];
    await settled();
    expect(begun).toEqual([1]);
    clock.advance(1);
    clock.advance(1);
    await Promise.all(others.map((handle) => handle.result()));
    expect(begun).toEqual([1, 2]);
  });
});

describe('attempts', () => {
  test('wait longer each time, with jitter, and no longer than the most', async () => {
    const { jobs, clock, events } = make({ random: () => 1 });
    const task = jobs.define('fails', {
      attempts: 5,
      backoff: { baseMs: 100, factor: 3, maxMs: 1000, jitterRatio: 0.1 },
      handler: () => {
        throw new Error('no');
      },
    });
    await task.add({});
    for (let attempt = 0; attempt < 5; attempt++) {
      await settled();
      clock.advance(2000);
    }
    await settled();
    const waits = events.filter(({ type }) => type === 'retried').map(({ delayMs }) => delayMs);
    expect(waits).toEqual([110, 330, 990, 1100]);
    expect(events.at(-1)).toMatchObject({ type: 'dead', attempt: 5 });
  });

  test('wait as a function says; one that cannot say costs a second and is reported', async () => {
    const { jobs, clock, events } = make();
    const heard = faults();
    const task = jobs.define('own', {
      attempts: 3,
      backoff: (attempt) => (attempt === 1 ? 7 : Number.NaN),
      handler: () => {
        throw new Error('no');
      },
    });
    await task.add({});
    for (let attempt = 0; attempt < 3; attempt++) {
      await settled();
      clock.advance(1000);
    }
    await settled();
    expect(events.flatMap(({ delayMs }) => delayMs ?? [])).toEqual([7, 1000]);
    expect(heard).toMatchObject([{ where: 'task "own"' }]);
  });

  test('survive whatever is thrown', async () => {
    const { jobs } = make();
    const hostile = {
      get message(): string {
        throw new Error('never');
      },
      toString(): string {
        throw new Error('never');
      },
    };
    const task = jobs.define<number>('hostile', {
      attempts: 1,
      handler: async ({ data }) => {
        throw [undefined, null, 'text', hostile, new Error('x'.repeat(5000))][data];
      },
    });
    for (let n = 0; n < 5; n++) {
      await expect((await task.add(n)).result()).rejects.toMatchObject({ code: 'ERR_TASKS_DEAD' });
    }
    const [long] = await jobs.dead.list({ limit: 1 });
    expect(long?.failures[0]?.message).toHaveLength(1000);
  });

  test('complete where the answer is no JSON or too large, without it, and say so', async () => {
    const { jobs } = make({ maxDataBytes: 100 });
    const heard = faults();
    const task = jobs.define<number>('odd', {
      handler: ({ data }) => [10n, 'x'.repeat(200), () => 1][data],
    });
    for (let n = 0; n < 3; n++) expect(await (await task.add(n)).result()).toBeUndefined();
    expect(heard).toHaveLength(2);
  });
});

describe('additions', () => {
  test('beyond what may wait are refused, and taken again when there is room', async () => {
    const { jobs, types } = make({ maxWaiting: 2 });
    const gate = deferred();
    const task = jobs.define('narrow', { concurrency: 1, handler: () => gate.promise });
    await task.add({});
    await settled();
    await task.add({});
    await task.add({}, { delayMs: 10 });
    const refused = task.add({});
    await expect(refused).rejects.toMatchObject({
      code: 'ERR_TASKS_FULL',
      status: 503,
      headers: { 'Retry-After': '5' },
    });
    expect(jobs.stats()).toMatchObject({ refusedTotal: 1, waiting: 1, delayed: 1, active: 1 });
    expect(types()).toContain('refused');
    expect(await jobs.health()).toMatchObject({ status: 'warn' });
    gate.resolve();
    await settled();
    expect((await task.add({})).isNew).toBe(true);
  });

  test('beyond the bytes that may wait are refused', async () => {
    const { jobs } = make({ maxWaitingBytes: 100, maxDataBytes: 60, works: false });
    const task = jobs.define('large', { handler: () => undefined });
    await task.add('x'.repeat(50));
    await expect(task.add('x'.repeat(50))).rejects.toMatchObject({ code: 'ERR_TASKS_FULL' });
    await expect(task.add('é'.repeat(50))).rejects.toMatchObject({ code: 'ERR_TASKS_DATA' });
  });

  test.each([
    ['a function', () => 1],
    [
      'a circle',
      (() => {
        const circle: Record<string, unknown> = {};
        circle.self = circle;
        return circle;
      })(),
    ],
    ['a bigint', { n: 1n }],
  ])('of %s are refused', async (_, data) => {
    const { jobs } = make();
    const task = jobs.define('json', { handler: () => undefined });
    await expect(task.add(data)).rejects.toMatchObject({ code: 'ERR_TASKS_DATA', status: 422 });
  });

  test('are checked by the schema, and have what it makes of them', async () => {
    const { jobs } = make();
    const seen: unknown[] = [];
    const task = jobs.define('typed', {
      schema: z.object({ to: z.email(), copies: z.coerce.number().default(1) }),
      handler: ({ data }) => {
        const { to, copies }: { to: string; copies: number } = data;
        seen.push([to, copies]);
      },
    });
    await (await task.add({ to: 'ada@example.org', copies: '2' })).result();
    expect(seen).toEqual([['ada@example.org', 2]]);
    await expect(task.add({ to: 'nobody' })).rejects.toMatchObject({
      code: 'ERR_VALIDATION',
      status: 422,
      extensions: { errors: [{ pointer: '#/to', detail: expect.any(String) }] },
    });
  });

  test.each([
    [{ delay: 5 }, 'delay'],
    [{ delayMs: -1 }, 'delayMs'],
    [{ id: 'a b' }, 'id'],
    [{ id: '77' }, 'no number'],
    [{ priority: 1000 }, 'priority'],
    [{ dedup: { key: '', mode: 'drop' } }, 'dedup.key'],
    [{ dedup: { key: 'k', mode: 'sometimes' } }, 'dedup.mode'],
    [{ dedup: { key: 'k', mode: 'debounce' } }, 'dedup.waitMs'],
    [{ dedup: { key: 'k', mode: 'debounce', waitMs: 1, maxWaitMs: 0 } }, 'dedup.maxWaitMs'],
  ])('refuse the options %j by name', async (options, name) => {
    const { jobs } = make();
    const task = jobs.define('options', { handler: () => undefined });
    const refused = task.add({}, options as never);
    await expect(refused).rejects.toBeInstanceOf(OptionError);
    await expect(refused).rejects.toThrow(name);
  });

  test('do not keep requests from their turn, however many jobs wait', async () => {
    const jobs = tasks();
    clean.push(() => jobs.close());
    let done = 0;
    const task = jobs.define('quick', { concurrency: 1000, handler: () => void done++ });
    await Promise.all(Array.from({ length: 5000 }, () => task.add({})));
    const before = done;
    await turn();
    // One turn of the event loop begins a bounded number.
    expect(done - before).toBeLessThanOrEqual(300);
  });
});

describe('types', () => {
  test('take turns where places are few', async () => {
    const { jobs } = make({ concurrency: 1 });
    const order: string[] = [];
    const [first, second] = ['a', 'b'].map((name) =>
      jobs.define(name, { handler: ({ type }) => void order.push(type) }),
    );
    for (let n = 0; n < 4; n++) await first!.add({});
    for (let n = 0; n < 4; n++) await second!.add({});
    await settled();
    expect(order.slice(0, 6).toSorted()).toEqual(['a', 'a', 'a', 'b', 'b', 'b']);
  });

  test('have each their own bound of dead and completed jobs, the latest of which are kept', async () => {
    const { jobs, types } = make({ maxDead: 2, keepCompleted: 1 });
    const task = jobs.define<number>('ends', {
      attempts: 1,
      handler: ({ data }) => {
        if (data < 3) throw new Error(`dead ${data}`);
      },
    });
    const handles = [];
    for (let n = 0; n < 5; n++) {
      handles.push(await task.add(n));
      await settled();
    }
    expect((await jobs.dead.list()).map(({ data }) => data)).toEqual([2, 1]);
    expect(types()).toContain('evicted');
    expect(jobs.stats()).toMatchObject({ dead: 2, deadTotal: 3, evictedTotal: 1 });
    await expect(handles[3]!.result()).rejects.toMatchObject({ code: 'ERR_TASKS_UNKNOWN' });
    expect(await handles[4]!.result()).toBeUndefined();
    expect(await jobs.dead.replayAll('ends')).toBe(2);
  });

  test.each<[object, string]>([
    [{}, 'handler'],
    [undefined as never, 'object'],
    [{ handler: 5 }, 'handler'],
    [{ handler: () => 1, batch: { handler: () => undefined } }, 'either'],
    [{ handler: () => 1, concurency: 3 }, 'concurrency'],
    [{ handler: () => 1, backoff: { base: 1 } }, 'base'],
    [{ handler: () => 1, schema: {} }, 'schema'],
    [{ batch: { handler: () => undefined, size: 0 } }, 'size'],
  ])('are refused by name where they are wrong: %j', (definition, name) => {
    const { jobs } = make();
    expect(() => jobs.define('wrong', definition as never)).toThrow(OptionError);
    expect(() => jobs.define('wrong', definition as never)).toThrow(name);
  });

  test('are one of a name', () => {
    const { jobs } = make();
    jobs.define('same', { handler: () => undefined });
    expect(() => jobs.define('same', { handler: () => undefined })).toThrow('already');
    expect(() => jobs.define('a b', { handler: () => undefined })).toThrow('1 to 100');
  });

  test('have defaults that cannot be changed, and options that are checked', () => {
    expect(Object.isFrozen(TASKS_DEFAULTS) && Object.isFrozen(TASK_DEFAULTS)).toBe(true);
    expect(() => tasks({ url: 'http://x' })).toThrow('redis://127.0.0.1:6379');
    expect(() => tasks({ maxDataBytes: 10, maxWaitingBytes: 5 })).toThrow('maxWaitingBytes');
    expect(() => tasks({ engine: {} as never })).toThrow('an engine');
  });
});

describe('context', () => {
  test('of a request goes with its job, as a child of its trace', async () => {
    const correlated = correlation({ context: true });
    const jobs = tasks();
    const seen: { context?: Correlated; current?: Correlated | undefined } = {};
    const task = jobs.define('mail', {
      handler: async (job: Job) => {
        await turn();
        seen.context = job.context!;
        seen.current = correlated.current();
      },
    });
    const app = express();
    const stack = setup(app, [correlated, jobs]);
    app.post('/mail', async (req, res) => {
      await (await task.add({})).result();
      const { id, trace } = exchangeOf(req, res);
      res.json({ id, traceId: trace?.traceId, spanId: trace?.spanId });
    });
    await stack.start();
    clean.push(async () => void (await stack.close()));
    const { url, close } = await serve(app);
    clean.push(close);
    const answer = (await (await fetch(`${url}/mail`, { method: 'POST' })).json()) as {
      id: string;
      traceId: string;
      spanId: string;
    };
    expect(seen.context?.id).toBe(answer.id);
    expect(seen.context?.trace?.traceId).toBe(answer.traceId);
    expect(seen.context?.trace?.spanId).not.toBe(answer.spanId);
    expect(seen.current).toBe(seen.context);
  });

  test('is carried by hand where nobody knows it by itself', async () => {
    const { jobs } = make({ propagator: correlation() });
    const seen: (Correlated | undefined)[] = [];
    const task = jobs.define('by-hand', { handler: (job) => void seen.push(job.context) });
    const from: Correlated = { id: 'request-7', trace: undefined };
    await (await task.add({}, { from })).result();
    await (await task.add({})).result();
    expect(seen[0]?.id).toBe('request-7');
    expect(seen[1]?.id).not.toBe('request-7');
  });

  test('goes with what is told of its progress', async () => {
    const { jobs } = make({ propagator: correlation() });
    const seen: (Correlated | undefined)[] = [];
    const told: (Correlated | undefined)[] = [];
    const task = jobs.define('told-of', {
      handler(job) {
        job.progress(0.5);
        seen.push(job.context);
      },
    });
    task.onProgress(({ context }) => void told.push(context));
    const handle = await task.add({}, { from: { id: 'request-7', trace: undefined } });
    await handle.result();
    expect(told[0]?.id).toBe('request-7');
    expect(told[0]).toBe(seen[0]);
    expect(await handle.progress()).toEqual({ ratio: 0.5 });
  });

  test('is found among the components of the whole, and absent without one', async () => {
    const { jobs } = make();
    const none = jobs.define('none', { handler: (job) => job.context === undefined });
    expect(await (await none.add({})).result()).toBe(true);
    const carried: unknown[] = [];
    const propagator: Propagator = {
      carries: false,
      current: () => undefined,
      inject: (carrier) => Object.assign(carrier, { 'x-id': '7' }),
      extract: (carrier) => ({ id: String(carrier?.['x-id']), trace: undefined }),
      run: (_, task) => task(),
    };
    const found = make();
    found.jobs.attach?.(
      fakeHost({ components: () => [defineComponent('mine', propagator as object)] }),
    );
    const task = found.jobs.define('found', {
      handler: (job) => void carried.push(job.context?.id),
    });
    await (await task.add({}, { from: { id: 'x', trace: undefined } })).result();
    expect(carried).toEqual(['7']);
  });
});

describe('listeners', () => {
  test('hear of all that happens, and cannot disturb it', async () => {
    const heard = faults();
    const { jobs } = make({
      onEvent: () => {
        throw new Error('listener');
      },
    });
    const published: TaskEvent[] = [];
    const listen = (event: unknown): void => void published.push(event as TaskEvent);
    subscribe(TASKS_CHANNEL, listen);
    clean.push(() => void unsubscribe(TASKS_CHANNEL, listen));
    const task = jobs.define('told', {
      handler: (job) => {
        job.progress(0.5);
      },
    });
    task.onProgress(() => {
      throw new Error('progress listener');
    });
    const dedup = { key: 'k', mode: 'drop' } as const;
    const handle = await task.add({}, { dedup });
    await task.add({}, { dedup });
    await handle.result();
    expect(published.map(({ type }) => type)).toEqual([
      'added',
      'dropped',
      'started',
      'progress',
      'completed',
    ]);
    expect(new Set(published.map(({ task: name, id }) => `${name} ${id}`)).size).toBe(1);
    expect(heard).toHaveLength(6);
  });
});

describe('an engine of one’s own', () => {
  /** Keeps nothing, and hands out what a test says. */
  class Handing implements Engine {
    readonly name: string = 'handing';
    port!: EnginePort;
    readonly added: NewJob[] = [];
    readonly calls: string[] = [];
    start(port: EnginePort): void {
      this.port = port;
      this.calls.push('start');
    }
    define({ name, slots }: TypePolicy): void {
      this.calls.push(`define ${name} ${slots}`);
    }
    add(job: NewJob): Added {
      this.added.push(job);
      return { id: job.id, outcome: 'added' };
    }
    find = (): undefined => undefined;
    result = (): Promise<unknown> => Promise.resolve('theirs');
    progress = (): void => undefined;
    dead = (): readonly JobView[] => [];
    replay = (): boolean => false;
    discard = (): boolean => false;
    cancel = (): boolean => false;
    counts = (): Counts => ({ waiting: 0, delayed: 0, active: 0, dead: 0 });
    pause(): void {
      this.calls.push('pause');
    }
    close(): void {
      this.calls.push('close');
    }
    lease(type: string): LeasedJob {
      return {
        id: 'leased',
        type,
        data: '{}',
        carrier: undefined,
        priority: 0,
        addedAt: 0,
        dueAt: 0,
        schedule: undefined,
        attempt: 1,
        fencingToken: 1,
        failures: [],
      };
    }
    hand(type: string): Outcome | undefined {
      let outcome: Outcome | undefined;
      this.port.run(this.lease(type), (_, ended) => (outcome = ended));
      return outcome;
    }
  }

  test('is started once, told of tasks whenever they come, and ended', async () => {
    const engine = new Handing();
    const { jobs } = make({ engine });
    const early = jobs.define('early', { concurrency: 3, handler: () => undefined });
    await Promise.all([jobs.start(), jobs.start(), early.add({ n: 1 }, { delayMs: 5 })]);
    jobs.define('late', { batch: { size: 4, handler: () => undefined } });
    expect(engine.calls).toEqual(['start', 'define early 3', 'define late 40']);
    expect(engine.added).toMatchObject([{ type: 'early', data: '{"n":1}', priority: 0 }]);
    expect(engine.added[0]!.dueAt - engine.added[0]!.addedAt).toBe(5);
    await jobs.close();
    await jobs.close();
    expect(engine.calls.slice(3)).toEqual(['pause', 'close']);
  });

  test('gets back what it hands out to nobody, and what it hands out too late', async () => {
    const engine = new Handing();
    const { jobs } = make({ engine });
    jobs.define('known', { handler: () => 7 });
    await jobs.start();
    expect(engine.hand('unknown')).toEqual({ kind: 'returned' });
    expect(engine.hand('known')).toEqual({ kind: 'completed', result: '7' });
    await jobs.close();
    expect(engine.hand('known')).toEqual({ kind: 'returned' });
  });

  test('has the signal of a job abort whose lease is lost', async () => {
    const engine = new Handing();
    const { jobs } = make({ engine });
    const reasons: unknown[] = [];
    jobs.define('leased', {
      handler: ({ signal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            resolve();
          });
        }),
    });
    await jobs.start();
    const lost = new AbortController();
    engine.port.run({ ...engine.lease('leased'), lost: lost.signal }, () => undefined);
    lost.abort('another worker has it');
    expect(reasons).toEqual(['another worker has it']);
    await settled();
  });
});

describe('closing', () => {
  test('leaves no timer, whatever waits, runs or is scheduled', async () => {
    const { jobs, clock } = make({ drainMs: 1000 });
    const task = jobs.define('left', { handler: () => new Promise(() => undefined) });
    const batch = jobs.define('gathered', { batch: { windowMs: 5000, handler: () => undefined } });
    jobs.schedule('hourly', '0 * * * *', { task });
    await task.add({});
    await task.add({}, { delayMs: 5000 });
    await batch.add({});
    await settled();
    expect(clock.pending).toBeGreaterThan(0);
    const closed = jobs.close();
    await settled();
    clock.advance(1000);
    await closed;
    expect(clock.pending).toBe(0);
    expect(jobs.stats()).toMatchObject({ active: 0, returnedTotal: 2 });
  });

  test('before anything has begun is as good', async () => {
    const { jobs } = make();
    await jobs.close();
    await expect(jobs.define('x', { handler: () => 1 }).add({})).rejects.toMatchObject({
      code: 'ERR_TASKS_CLOSED',
    });
  });
});
