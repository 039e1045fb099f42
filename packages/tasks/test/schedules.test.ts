import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { FAULT_CHANNEL } from '@org/core';
import { fakeClock } from '@org/core/testing';
import { type Tasks, tasks, type TasksOptions } from '@org/tasks';

const clean: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of clean.splice(0).toReversed()) await step();
});

async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn();
}

/** Jobs whose runs are noted by when they were to begin, at a clock that begins at `startAt`. */
async function make(startAt: string, options: Partial<TasksOptions> = {}) {
  const clock = fakeClock(Date.parse(startAt));
  const jobs = tasks({ clock, ...options });
  clean.push(() => jobs.close(AbortSignal.abort()));
  const runs: string[] = [];
  const task = jobs.define('run', {
    handler: ({ schedule }) => void runs.push(iso(schedule!.at)),
  });
  await jobs.start();
  /** Goes on to a time, so that each run can begin when it is due. */
  const goTo = async (until: string): Promise<void> => {
    while (clock.now() < Date.parse(until)) {
      clock.advance(Math.min(15 * 60_000, Date.parse(until) - clock.now()));
      await settled();
    }
  };
  return { clock, jobs, runs, task, goTo };
}

function iso(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

describe('a schedule', () => {
  test('of a cron pattern runs by its time zone, and again and again', async () => {
    const { jobs, runs, task, goTo } = await make('2026-06-01T00:00Z');
    jobs.schedule('nightly', '0 3 * * *', { task, timeZone: 'Europe/Berlin' });
    await goTo('2026-06-03T12:00Z');
    expect(runs).toEqual(['2026-06-01T01:00', '2026-06-02T01:00', '2026-06-03T01:00']);
  });

  test('that cannot be planned is tried again each second, and told once', async () => {
    const heard: string[] = [];
    const hear = (fault: unknown): void => void heard.push((fault as { where: string }).where);
    subscribe(FAULT_CHANNEL, hear);
    clean.push(() => void unsubscribe(FAULT_CHANNEL, hear));
    const { clock, jobs, task } = await make('2026-06-01T00:00Z', { maxWaiting: 1 });
    const tick = async (): Promise<void> => {
      clock.advance(1000);
      await settled();
    };
    for (let outages = 1; outages <= 2; outages++) {
      const inTheWay = await task.add(undefined, { delayMs: 3_600_000 });
      const schedule = jobs.schedule('nightly', '0 3 * * *', { task });
      for (let times = 1; times <= 5; times++) await tick();
      expect(heard).toEqual(Array.from({ length: outages }, () => 'tasks schedule "nightly"'));
      await inTheWay.cancel();
      await tick();
      expect(jobs.stats()).toMatchObject({ delayed: 1, refusedTotal: outages * 5 });
      await schedule.cancel();
    }
  });

  test('that falls into the hour that spring leaves out runs once, right after it', async () => {
    const { jobs, runs, task, goTo } = await make('2026-03-28T12:00Z');
    jobs.schedule('skipped', '30 2 * * *', { task, timeZone: 'Europe/Berlin' });
    await goTo('2026-03-30T12:00Z');
    // 2:30 is left out on the 29th: it begins at 3:00, which is 1:00 UTC.
    expect(runs).toEqual(['2026-03-29T01:00', '2026-03-30T00:30']);
  });

  test('that falls into the hour that autumn repeats runs once, the first time', async () => {
    const { jobs, runs, task, goTo } = await make('2026-10-24T12:00Z');
    jobs.schedule('repeated', '30 2 * * *', { task, timeZone: 'Europe/Berlin' });
    await goTo('2026-10-26T12:00Z');
    expect(runs).toEqual(['2026-10-25T00:30', '2026-10-26T01:30']);
  });

  test('of every half hour runs every half hour, also while clocks change', async () => {
    const { jobs, runs, task, goTo } = await make('2026-10-24T23:50Z');
    jobs.schedule('often', '*/30 * * * *', { task, timeZone: 'Europe/Berlin' });
    await goTo('2026-10-25T02:10Z');
    expect(runs).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T00:30',
      '2026-10-25T01:00',
      '2026-10-25T01:30',
      '2026-10-25T02:00',
    ]);
  });

  test('of a time in ms runs at its multiples', async () => {
    const { jobs, runs, task, goTo } = await make('2026-06-01T00:07Z');
    const { nextAt } = jobs.schedule('often', 1_800_000, { task });
    expect(nextAt && iso(nextAt)).toBe('2026-06-01T00:30');
    await goTo('2026-06-01T01:10Z');
    expect(runs).toEqual(['2026-06-01T00:30', '2026-06-01T01:00']);
  });

  test('that a pause has kept from its times runs once afterwards, and then on time', async () => {
    const { clock, jobs, runs, task, goTo } = await make('2026-06-01T00:30Z');
    jobs.schedule('hourly', '0 * * * *', { task });
    await settled();
    // As a machine that sleeps: its timer comes hours late.
    clock.advance(5 * 3_600_000);
    await settled();
    await goTo('2026-06-01T06:10Z');
    expect(runs[0]).toBe('2026-06-01T01:00');
    expect(runs.at(-1)).toBe('2026-06-01T06:00');
  });

  test('is not planned twice for a time that comes again because the clock was set back', async () => {
    let setBackMs = 0;
    const inner = fakeClock(Date.parse('2026-06-01T00:59Z'));
    const clock = { ...inner, now: () => inner.now() - setBackMs };
    const { jobs, runs, task } = await make('2026-06-01T00:59Z', { clock });
    jobs.schedule('hourly', '0 * * * *', { task });
    await settled();
    inner.advance(60_000);
    await settled();
    setBackMs = 600_000;
    for (let minutes = 0; minutes < 75; minutes++) {
      inner.advance(60_000);
      await settled();
    }
    expect(runs).toEqual(['2026-06-01T01:00', '2026-06-01T02:00']);
  });

  test('that is cancelled does not run any more', async () => {
    const { jobs, runs, task, goTo } = await make('2026-06-01T00:30Z');
    const schedule = jobs.schedule('hourly', '0 * * * *', { task });
    await settled();
    expect(jobs.stats()).toMatchObject({ delayed: 1 });
    await schedule.cancel();
    expect(jobs.stats()).toMatchObject({ delayed: 0 });
    await goTo('2026-06-01T03:00Z');
    expect(runs).toEqual([]);
    expect(schedule.nextAt).toBeUndefined();
    // Its name is free again.
    jobs.schedule('hourly', '0 * * * *', { task });
  });

  test('hands its data to each run', async () => {
    const { jobs, goTo } = await make('2026-06-01T00:30Z');
    const seen: unknown[] = [];
    const task = jobs.define<{ kind: string }>('report', {
      handler: ({ data }) => void seen.push(data.kind),
    });
    jobs.schedule('hourly', '0 * * * *', { task, data: { kind: 'sales' } });
    await goTo('2026-06-01T02:10Z');
    expect(seen).toEqual(['sales', 'sales']);
  });

  test.each<[string, string | number, object, string]>([
    ['a b', '* * * * *', {}, '1 to 100'],
    ['wrong', '61 * * * *', {}, 'cron pattern'],
    ['wrong', 5, {}, 'at least 1000'],
    ['wrong', '* * * * *', { timeZone: 'Mars/Base' }, 'Europe/Berlin'],
    ['wrong', '* * * * *', { missed: 'never' }, '"once", "skip"'],
    ['wrong', '* * * * *', { timezone: 'UTC' }, 'timeZone'],
  ])('that is wrong is refused: %s %s %j', async (name, when, options, why) => {
    const { jobs, task } = await make('2026-06-01T00:00Z');
    expect(() => jobs.schedule(name, when, { task, ...options })).toThrow(why);
  });

  test('needs a task of the same jobs', async () => {
    const { jobs } = await make('2026-06-01T00:00Z');
    const { task } = await make('2026-06-01T00:00Z');
    const stranger = { ...task, name: 'stranger' };
    expect(() => jobs.schedule('x', 60_000, { task: stranger })).toThrow('defined here');
  });
});

describe('a run that nobody could begin in time', () => {
  /** What runs after the process was away from before 3:00 to after it. */
  async function away(missed: 'once' | 'skip', graceMs?: number): Promise<readonly string[]> {
    const folder = mkdtempSync(join(tmpdir(), 'tasks-'));
    clean.push(() => rmSync(folder, { recursive: true, force: true }));
    const plan = ({
      jobs,
      task,
    }: {
      jobs: Tasks;
      task: Awaited<ReturnType<typeof make>>['task'];
    }) => jobs.schedule('nightly', '0 3 * * *', { task, missed, graceMs });
    const before = await make('2026-06-01T02:00Z', { folder, fsync: 'never' });
    plan(before);
    await until(() => (before.jobs.stats() as { delayed: number }).delayed === 1);
    await before.jobs.close();
    const after = await make('2026-06-03T12:00Z', { folder, fsync: 'never' });
    plan(after);
    await until(() => (after.jobs.stats() as { waiting: number }).waiting === 0);
    await settled();
    await after.jobs.close();
    return after.runs;
  }

  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await turn();
  }

  test('begins once, however many there were', async () => {
    expect(await away('once')).toEqual(['2026-06-01T03:00']);
  });

  test('is left out where it should be', async () => {
    expect(await away('skip')).toEqual([]);
  });

  test('begins where it is not too late', async () => {
    expect(await away('skip', 3 * 86_400_000)).toEqual(['2026-06-01T03:00']);
  });

  test('of a schedule that says something else now is left out', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tasks-'));
    clean.push(() => rmSync(folder, { recursive: true, force: true }));
    const before = await make('2026-06-01T02:00Z', { folder });
    before.jobs.schedule('nightly', '0 3 * * *', { task: before.task });
    await until(() => (before.jobs.stats() as { delayed: number }).delayed === 1);
    await before.jobs.close();
    const after = await make('2026-06-01T02:30Z', { folder });
    after.jobs.schedule('nightly', '0 5 * * *', { task: after.task });
    await until(() => (after.jobs.stats() as { delayed: number }).delayed === 2);
    await after.goTo('2026-06-01T05:10Z');
    expect(after.runs).toEqual(['2026-06-01T05:00']);
  });
});
