/** What somebody would try who wants the durable engine to lose jobs: other owners, closed instances, damage, disks that fail. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Tasks, tasks, type TasksOptions } from '@org/tasks';

import { deferred, until } from './engine-contract.ts';

/** What the disk does next; `undefined`: what it is asked. */
type Disk = (what: 'write' | 'sync' | 'rename') => string | undefined;
const disk: { next: Disk; onClose: () => void } = {
  next: () => undefined,
  onClose: () => undefined,
};

jest.mock('node:fs/promises', () => {
  const real = jest.requireActual<typeof import('node:fs/promises')>('node:fs/promises');
  const refuse = (what: 'write' | 'sync' | 'rename'): void => {
    const code = disk.next(what);
    if (code !== undefined) throw Object.assign(new Error(`${code}: ${what}`), { code });
  };
  return {
    ...real,
    async rename(from: string, to: string) {
      refuse('rename');
      await real.rename(from, to);
    },
    async open(path: string, flags: string) {
      const handle = await real.open(path, flags);
      const { writeFile, datasync, sync, close } = handle;
      return Object.assign(handle, {
        close() {
          const closed = close.call(handle);
          disk.onClose();
          return closed;
        },
        async writeFile(bytes: Buffer) {
          const code = disk.next('write');
          if (code !== undefined) {
            // A disk takes what it can before it says that it is full.
            await writeFile.call(handle, bytes.subarray(0, Math.floor(bytes.byteLength / 2)));
            throw Object.assign(new Error(`${code}: write`), { code });
          }
          await writeFile.call(handle, bytes);
        },
        async datasync() {
          refuse('sync');
          await datasync.call(handle);
        },
        async sync() {
          refuse('sync');
          await sync.call(handle);
        },
      });
    },
  };
});

// Faults are asked for here, and so nothing to print.
const quiet = (): void => undefined;
beforeAll(() => subscribe('@org/fault', quiet));
afterAll(() => void unsubscribe('@org/fault', quiet));

const clean: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  disk.next = () => undefined;
  disk.onClose = () => undefined;
  for (const step of clean.splice(0).toReversed()) await step();
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tasks-'));
  clean.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function make(folder: string, more: Partial<TasksOptions> = {}): Tasks {
  const jobs = tasks({ folder, ...more });
  clean.push(() => jobs.close(AbortSignal.abort()));
  return jobs;
}

const logsOf = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .toSorted();

/** Jobs that a process would find that begins in a copy of the folder, as after a crash. */
async function foundIn(folder: string): Promise<ReadonlySet<string>> {
  const copy = makeFolder();
  for (const name of readdirSync(folder)) {
    if (name.startsWith('jobs-')) copyFileSync(join(folder, name), join(copy, name));
  }
  const jobs = make(copy, { works: false });
  await jobs.start();
  const text = readFileSync(join(copy, logsOf(copy)[0]!), 'utf8');
  await jobs.close();
  return new Set([...text.matchAll(/"k":"put","i":"([^"]+)"/g)].map(([, id]) => id!));
}

describe('an instance that has closed', () => {
  test('leaves the folder to whoever has it then, whatever it is still asked', async () => {
    const folder = makeFolder();
    const first = make(folder, { works: false });
    const gate = deferred();
    const slow = first.define('slow', {
      handler: () => undefined,
      schema: {
        '~standard': {
          version: 1,
          vendor: 'test',
          validate: async (value: unknown) => {
            if (value === 'late') await gate.promise;
            return { value };
          },
        },
      },
    });
    const handle = await slow.add('kept');
    const late = slow.add('late');
    late.catch(() => undefined);
    await first.close();
    const second = make(folder, { works: false });
    second.define('slow', { handler: () => undefined });
    await second.start();
    const before = logsOf(folder);
    gate.resolve();
    const closed = { code: 'ERR_TASKS_CLOSED' };
    await expect(late).rejects.toMatchObject(closed);
    await expect(handle.cancel()).rejects.toMatchObject(closed);
    await expect(handle.result()).rejects.toMatchObject(closed);
    await expect(first.dead.discard(handle.id)).rejects.toMatchObject(closed);
    expect(logsOf(folder)).toEqual(before);
    expect(await foundIn(folder)).toEqual(new Set([handle.id]));
  });

  test('before it had begun takes no folder any more', async () => {
    const folder = makeFolder();
    const jobs = make(folder);
    await jobs.close();
    await expect(jobs.dead.list()).rejects.toMatchObject({ code: 'ERR_TASKS_CLOSED' });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('an instance whose lock was taken away', () => {
  test('begins no file in the folder of another one, and leaves it its lock', async () => {
    const folder = makeFolder();
    const first = make(folder, { works: false, compactBytes: 1024 });
    const task = first.define('kept', { handler: () => undefined });
    const { id } = await task.add('x'.repeat(3000));
    // Somebody removes it by hand, and starts another one.
    rmSync(join(folder, 'jobs.lock'));
    const second = make(folder, { works: false });
    const same = second.define('kept', { handler: () => undefined });
    await second.start();
    const before = logsOf(folder);
    await expect(task.add('would begin a new file')).rejects.toMatchObject({
      code: 'ERR_TASKS_STORAGE',
      cause: { code: 'ERR_TASKS_LOCKED' },
    });
    expect(await first.health()).toMatchObject({ status: 'fail' });
    expect(logsOf(folder)).toEqual(before);
    await first.close();
    expect(existsSync(join(folder, 'jobs.lock'))).toBe(true);
    const { id: added } = await same.add('more');
    expect(await foundIn(folder)).toEqual(new Set([id, added]));
  });
});

describe('a file that is not whole', () => {
  test.each([
    [
      'was cut off within what it began with',
      (name: string, size: number) => truncateSync(name, size),
    ],
    ['has nothing left that can be read', (name: string) => writeFileSync(name, 'rubbish')],
    ['is empty', (name: string) => writeFileSync(name, '')],
  ])('because it %s is kept, and health warns', async (_why, damage) => {
    const folder = makeFolder();
    const first = make(folder, { works: false });
    const task = first.define('kept', { handler: () => undefined });
    await task.add(1);
    await task.add(2);
    await first.close();
    // The next start writes both at the beginning of a file of its own.
    const second = make(folder, { works: false });
    await second.start();
    await second.close();
    const name = join(folder, logsOf(folder)[0]!);
    const lines = readFileSync(name, 'utf8').split('\n');
    damage(name, Buffer.byteLength(`${lines.slice(0, 2).join('\n')}\n`));
    const third = make(folder, { works: false });
    await third.start();
    expect(await third.health()).toMatchObject({ status: 'warn' });
    expect(existsSync(`${name}.damaged`)).toBe(true);
  });
});

describe('a job that is dropped for another one', () => {
  test.each([
    ['key', { dedup: { key: 'same', mode: 'drop' as const } }],
    ['id', { id: 'same-id' }],
  ])('of its %s is answered once that one is on the disk', async (_what, options) => {
    const folder = makeFolder();
    const jobs = make(folder, { works: false });
    const task = jobs.define('once', { handler: () => undefined });
    await jobs.start();
    let written = false;
    disk.next = (what) => {
      if (what === 'sync') written = true;
      return undefined;
    };
    const first = task.add(1, options);
    const second = await task.add(2, options);
    expect(second.isNew).toBe(false);
    expect(written).toBe(true);
    expect(await foundIn(folder)).toContain(second.id);
    expect((await first).id).toBe(second.id);
  });

  test('is refused where that one could not be written', async () => {
    const jobs = make(makeFolder(), { works: false });
    const task = jobs.define('once', { handler: () => undefined });
    await jobs.start();
    disk.next = () => 'EIO';
    const both = await Promise.allSettled([
      task.add(1, { id: 'same-id' }),
      task.add(2, { id: 'same-id' }),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

test('a replayed job that is cancelled before it is written does not run', async () => {
  const jobs = make(makeFolder());
  const ran: string[] = [];
  const task = jobs.define<string>('fails', {
    attempts: 1,
    handler: ({ data }) => {
      ran.push(data);
      throw new Error('no');
    },
  });
  const handle = await task.add('job');
  await handle.result().catch(() => undefined);
  const replayed = jobs.dead.replay(handle.id);
  // In this very turn: what is written comes in a later one.
  while ((await handle.view())?.state === 'dead');
  expect(await handle.cancel()).toBe(true);
  await replayed;
  await (await task.add('after')).result().catch(() => undefined);
  expect(ran).toEqual(['job', 'after']);
  expect(jobs.stats()).toMatchObject({ waiting: 0 });
});

test('what has waited keeps its age over a restart', async () => {
  const folder = makeFolder();
  let nowMs = 1_700_000_000_000;
  const clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    after: () => () => undefined,
    every: () => () => undefined,
  };
  const first = make(folder, { works: false, clock, ageingMs: 1000 });
  await first.define('aged', { handler: () => undefined }).add('patient', { priority: -5 });
  await first.close();
  nowMs += 10_000;
  const order: string[] = [];
  const second = make(folder, { clock, ageingMs: 1000, concurrency: 1 });
  const [busy, gate] = [deferred(), deferred()];
  const blocker = second.define('blocker', { handler: () => busy.promise });
  await blocker.add({});
  await until(() => second.stats().active === 1);
  const task = second.define<string>('aged', {
    concurrency: 1,
    handler: ({ data }) => {
      order.push(data);
      if (order.length === 2) gate.resolve();
    },
  });
  await task.add('urgent');
  busy.resolve();
  await gate.promise;
  expect(order).toEqual(['patient', 'urgent']);
});

test('a file that has been replaced is not needed, and its end breaks nothing', async () => {
  let sync: () => void = () => undefined;
  const clock = {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    after: (_delayMs: number, task: () => void) => {
      sync = task;
      return () => undefined;
    },
    every: () => () => undefined,
  };
  const jobs = make(makeFolder(), { works: false, fsync: 'interval', compactBytes: 1024, clock });
  const task = jobs.define('kept', { handler: () => undefined });
  await task.add('x'.repeat(3000));
  // The time to write through comes just as the file is given up for a new one.
  disk.onClose = () => sync();
  await task.add('begins a new file');
  disk.onClose = () => undefined;
  await task.add('goes on');
  expect(await jobs.health()).toMatchObject({ status: 'pass' });
});

describe('a disk that fails, or is full, time and again', () => {
  test.each([1, 2, 3, 4, 5, 6])('loses nothing that was promised (seed %d)', async (seed) => {
    const folder = makeFolder();
    let nowMs = 0;
    const clock = {
      now: () => Date.now(),
      monotonicMs: () => nowMs,
      after: () => () => undefined,
      every: () => () => undefined,
    };
    let state = seed * 7919;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const jobs = make(folder, { works: false, clock, compactBytes: 4096 });
    const task = jobs.define('kept', { handler: () => undefined });
    await jobs.start();
    const promised = new Set<string>();
    const mayBeThere = new Set<string>();
    const lost: string[] = [];
    const unknown: string[] = [];
    let refused = 0;
    disk.next = (what) => {
      if (random() > 0.12) return undefined;
      return what === 'write' ? 'ENOSPC' : 'EIO';
    };
    for (let round = 0; round < 60; round++) {
      const answers = await Promise.allSettled(
        Array.from({ length: 1 + Math.floor(5 * random()) }, (_, n) =>
          task.add('x'.repeat(Math.floor(400 * random())), { id: `job-${round}.${n}` }),
        ),
      );
      for (const [n, answer] of answers.entries()) {
        const id = `job-${round}.${n}`;
        if (answer.status === 'fulfilled') promised.add(id);
        else {
          refused++;
          mayBeThere.add(id);
        }
      }
      // Somebody takes one back now and then.
      if (random() < 0.3 && promised.size > 0) {
        const [id] = promised;
        promised.delete(id!);
        const handle = await task.add(0, { id: id! }).catch(() => undefined);
        await handle?.cancel().catch(() => undefined);
        mayBeThere.add(id!);
      }
      if (random() < 0.3) nowMs += 1000;
      if (round % 10 === 9) {
        const { next } = disk;
        disk.next = () => undefined;
        const there = await foundIn(folder);
        disk.next = next;
        lost.push(...[...promised].filter((id) => !there.has(id)));
        unknown.push(...[...there].filter((id) => !promised.has(id) && !mayBeThere.has(id)));
      }
    }
    expect(lost).toEqual([]);
    expect(unknown).toEqual([]);
    expect(refused).toBeGreaterThan(0);
    expect(promised.size).toBeGreaterThan(10);
    // And once the disk is well again, so are the jobs.
    disk.next = () => undefined;
    nowMs += 1000;
    promised.add((await task.add('well')).id);
    expect(await jobs.health()).toMatchObject({ status: 'pass' });
    expect((await foundIn(folder)).size).toBeGreaterThanOrEqual(promised.size);
  });
});
