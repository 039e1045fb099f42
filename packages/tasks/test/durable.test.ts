import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Tasks, tasks, type TasksOptions } from '@org/tasks';
import * as fc from 'fast-check';

import { childProcess } from './child-process.ts';
import { deferred, until } from './engine-contract.ts';

const clean: (() => Promise<void> | void)[] = [];
afterEach(async () => {
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

function logOf(folder: string): string {
  const logs = readdirSync(folder).filter((name) => name.endsWith('.log'));
  expect(logs).toHaveLength(1);
  return join(folder, logs[0]!);
}

describe('a process that is killed', () => {
  test.each([
    [11, 'always'],
    [12, 'always'],
    [13, 'interval'],
    [14, 'never'],
  ])(
    'loses nothing that it has promised, and does each job at least once (seed %d, fsync %s)',
    async (seed, fsync) => {
      const folder = makeFolder();
      const promised = new Set<string>();
      const done = new Map<string, number[]>();
      const read = (lines: readonly string[]): void => {
        for (const line of lines) {
          const [what, id = '', token = ''] = line.split(' ');
          if (what === 'added') promised.add(id);
          if (what === 'done') done.set(id, [...(done.get(id) ?? []), Number(token)]);
        }
      };
      for (let round = 0; round < 4; round++) {
        const child = childProcess('durable-worker', [folder, String(seed * 7919 + round), fsync]);
        // Somewhere between a few jobs and a few logs.
        await child.lines(2 + ((seed * 31 + round * 97) % 400));
        await child.kill();
        read(child.said);
      }
      const last = childProcess('durable-worker', [folder, '1', fsync, 'finish']);
      expect(await last.ended()).toBe(0);
      read(last.said);

      expect(promised.size).toBeGreaterThan(10);
      expect([...promised].filter((id) => !done.has(id))).toEqual([]);
      // What was done twice was done with a higher token.
      for (const tokens of done.values()) {
        expect(tokens).toEqual(tokens.toSorted((one, other) => one - other));
        expect(new Set(tokens).size).toBe(tokens.length);
      }
      expect(readdirSync(folder).some((name) => name.endsWith('.damaged'))).toBe(false);
    },
  );

  test('may be the fault of the job: one whose worker is lost too often is dead', async () => {
    const folder = makeFolder();
    const first = make(folder);
    const begun = deferred();
    const gate = deferred();
    const task = first.define('poison', {
      handler: async () => {
        begun.resolve();
        await gate.promise;
      },
    });
    const { id } = await task.add('bad');
    await begun.promise;
    await task.add('flushes the log');
    // As it would be if the process had ended here.
    const log = readFileSync(logOf(folder));
    gate.resolve();
    await first.close();
    const name = logOf(folder);
    const found = [];
    for (const maxTakeovers of [0, 1]) {
      for (const old of readdirSync(folder)) rmSync(join(folder, old));
      writeFileSync(name, log);
      const next = make(folder, { maxTakeovers });
      await next.start();
      expect(next.stats()).toMatchObject({ takenOverTotal: 1 });
      found.push(await next.dead.list());
      await next.close();
    }
    expect(found).toMatchObject([
      [{ id, data: 'bad', failures: [{ code: 'ERR_TASKS_WORKER_LOST' }] }],
      [],
    ]);
  });
});

describe('the log', () => {
  /** A folder in which `count` jobs wait. */
  async function filled(count: number): Promise<{ folder: string; ids: readonly string[] }> {
    const folder = makeFolder();
    const jobs = make(folder, { works: false });
    const task = jobs.define<string>('kept', { handler: () => undefined });
    const handles = await Promise.all(
      Array.from({ length: count }, (_, n) =>
        task.add(`job ${n} \n é \ud800`, { priority: n % 3 }),
      ),
    );
    await jobs.close();
    return { folder, ids: handles.map(({ id }) => id) };
  }

  async function found(folder: string): Promise<{ ids: readonly string[]; stats: unknown }> {
    const jobs = make(folder, { works: false });
    const task = jobs.define('kept', { handler: () => undefined });
    await jobs.start();
    const log = jobs.stats().log;
    const text = readFileSync(logOf(folder), 'utf8');
    const ids = [...text.matchAll(/"k":"put","i":"([^"]+)"/g)].map(([, id]) => id!);
    for (const id of ids) expect((await task.find(id))?.state).toBe('waiting');
    await jobs.close();
    return { ids, stats: log };
  }

  test('is read up to where it was cut off, wherever that is', async () => {
    const { folder, ids } = await filled(8);
    const name = logOf(folder);
    const whole = readFileSync(name);
    const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([at]) => at + 1);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: ends[1]!, max: whole.length }), async (length) => {
        for (const old of readdirSync(folder)) rmSync(join(folder, old));
        writeFileSync(name, whole);
        truncateSync(name, length);
        // Behind the head of the file, and the end of what it began with.
        const lines = ends.filter((end) => end <= length).length - 2;
        const { ids: kept } = await found(folder);
        expect(kept).toEqual(ids.slice(0, lines));
      }),
      { numRuns: 25 },
    );
  });

  test('loses what is damaged and nothing else, keeps the file and says so', async () => {
    const { folder, ids } = await filled(5);
    const name = logOf(folder);
    const bytes = readFileSync(name);
    const at = bytes.indexOf(ids[2]!);
    bytes[at] = bytes[at]! ^ 1;
    writeFileSync(name, bytes);
    const jobs = make(folder, { works: false });
    jobs.define('kept', { handler: () => undefined });
    await jobs.start();
    expect(jobs.stats()).toMatchObject({ waiting: 4 });
    expect(await jobs.health()).toMatchObject({ status: 'warn' });
    expect(existsSync(`${name}.damaged`)).toBe(true);
  });

  test('is begun anew when most of it says nothing any more, and stays small', async () => {
    const folder = makeFolder();
    const jobs = make(folder, { compactBytes: 4096, keepCompleted: 10, fsync: 'never' });
    const task = jobs.define('many', { handler: () => 'x'.repeat(50) });
    for (let round = 0; round < 20; round++) {
      const handles = await Promise.all(Array.from({ length: 20 }, () => task.add({})));
      await Promise.all(handles.map((handle) => handle.result()));
    }
    const { log } = jobs.stats() as { log: { sizeBytes: number; snapshotsTotal: number } };
    expect(log.snapshotsTotal).toBeGreaterThan(3);
    await jobs.close();
    expect(statSync(logOf(folder)).size).toBeLessThan(20_000);
  });

  test('writes many additions through to the disk at once', async () => {
    const folder = makeFolder();
    const jobs = make(folder, { works: false });
    const task = jobs.define('grouped', { handler: () => undefined });
    await jobs.start();
    const before = (jobs.stats().log as { syncsTotal: number }).syncsTotal;
    await Promise.all(Array.from({ length: 500 }, () => task.add({})));
    const after = (jobs.stats().log as { syncsTotal: number }).syncsTotal;
    expect(after - before).toBeGreaterThanOrEqual(1);
    expect(after - before).toBeLessThan(10);
  });

  test('of a form from the future is refused, and left as it is', async () => {
    const folder = makeFolder();
    const name = join(folder, 'jobs-0000000001.log');
    const json = '{"k":"log","v":99,"g":1}';
    const text = `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
    writeFileSync(name, text);
    await expect(make(folder).start()).rejects.toThrow('form 99');
    expect(readFileSync(name, 'utf8')).toBe(text);
    expect(existsSync(join(folder, 'jobs.lock'))).toBe(false);
  });

  test('that cannot be written refuses, warns, and goes on when it can be', async () => {
    const folder = makeFolder();
    let nowMs = 0;
    const clock = {
      now: () => Date.now(),
      monotonicMs: () => nowMs,
      after: (delayMs: number, task: () => void) => {
        const timer = setTimeout(task, delayMs).unref();
        return () => clearTimeout(timer);
      },
      every: () => () => undefined,
    };
    const jobs = make(folder, { works: false, clock, compactBytes: 1024 });
    const task = jobs.define('full-disk', { handler: () => undefined });
    await task.add('x'.repeat(3000));
    // The next addition would begin a new log, in a place where there is none to be had.
    const [, number] = /jobs-(\d+)\.log/.exec(logOf(folder))!;
    const next = `jobs-${String(Number(number) + 1).padStart(10, '0')}.log.draft`;
    mkdirSync(join(folder, next));
    const faults: unknown[] = [];
    const listen = (fault: unknown): void => void faults.push(fault);
    subscribe('@org/fault', listen);
    clean.push(() => void unsubscribe('@org/fault', listen));
    await expect(task.add('refused')).rejects.toMatchObject({ code: 'ERR_TASKS_STORAGE' });
    await expect(task.add('at once')).rejects.toMatchObject({ code: 'ERR_TASKS_STORAGE' });
    expect(faults).toHaveLength(1);
    expect(await jobs.health()).toMatchObject({ status: 'fail' });
    rmSync(join(folder, next), { recursive: true });
    nowMs += 1000;
    const { id } = await task.add('taken');
    expect(await jobs.health()).toMatchObject({ status: 'pass' });
    await jobs.close();
    const again = make(folder, { works: false });
    const same = again.define('full-disk', { handler: () => undefined });
    expect(await same.find(id)).toMatchObject({ data: 'taken' });
    expect(again.stats()).toMatchObject({ waiting: 2 });
  });
});

describe('the folder', () => {
  test('belongs to one: another instance is refused, and gets it afterwards', async () => {
    const folder = makeFolder();
    const [first, second] = [make(folder), make(folder)];
    await first.start();
    const refused = second.start();
    await expect(refused).rejects.toMatchObject({ code: 'ERR_TASKS_LOCKED' });
    await expect(refused).rejects.toThrow(String(process.pid));
    await first.close();
    await second.start();
  });

  test('of a process that has ended is taken over, even where its number is used again', async () => {
    const folder = makeFolder();
    const dead = childProcess('durable-worker', [folder, '1', 'never', 'finish']);
    await dead.ended();
    const lock = join(folder, 'jobs.lock');
    const host = hostname();
    for (const owner of [
      { pid: dead.process.pid, host, born: 'x' },
      { pid: process.pid, host, born: 'another boot:1' },
    ]) {
      writeFileSync(lock, JSON.stringify(owner));
      const jobs = make(folder);
      await jobs.start();
      expect(JSON.parse(readFileSync(lock, 'utf8'))).toMatchObject({ pid: process.pid });
      await jobs.close();
      expect(existsSync(lock)).toBe(false);
    }
  });

  test('of another machine is left to it', async () => {
    const folder = makeFolder();
    writeFileSync(
      join(folder, 'jobs.lock'),
      JSON.stringify({ pid: 1, host: 'elsewhere.example', born: '' }),
    );
    await expect(make(folder).start()).rejects.toThrow('elsewhere.example');
  });

  test('is taken by one of many who find it left', async () => {
    const folder = makeFolder();
    const owner = { pid: process.pid, host: hostname(), born: 'another boot:1' };
    writeFileSync(join(folder, 'jobs.lock'), JSON.stringify(owner));
    const all = Array.from({ length: 8 }, () => make(folder));
    const results = await Promise.allSettled(all.map((jobs) => jobs.start()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('keeps its jobs over a line that was never finished', async () => {
    const folder = makeFolder();
    const first = make(folder, { works: false });
    const task = first.define('kept', { handler: () => undefined });
    const { id } = await task.add(1);
    await first.close();
    appendFileSync(logOf(folder), '0000');
    const second = make(folder);
    const again = second.define('kept', { handler: () => 'done' });
    await second.start();
    await until(async () => (await again.find(id))?.state === 'completed');
    expect(await second.health()).toMatchObject({ status: 'pass' });
  });
});
