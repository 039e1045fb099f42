/**
 * Jobs that begin by the clock on the wall. The next run of a schedule is always there as a delayed
 * job, whose name says which run it is: so several processes plan it once, and one that should have
 * begun while nobody was there begins, once, when somebody is.
 */
import {
  type Clock,
  durationMs,
  OptionError,
  report,
  type Given,
  oneOf,
  resolveOptions,
} from '@org/core';
import { Cron } from 'croner';

import { DueTimes, type Due } from './due-times.ts';
import type { ScheduledRun } from './engine.ts';

/** A schedule's task and rules. */
export interface ScheduleOptions {
  /** The time zone of a cron pattern, by its IANA name. @default "UTC" */
  readonly timeZone: string;
  /** What becomes of a run that nobody could begin in time: it begins, `once` however many there were, or is skipped. @default "once" */
  readonly missed: 'once' | 'skip';
  /** How late a run may begin until it counts as missed, in ms. @default 60_000 */
  readonly graceMs: number;
}

const DEFAULTS: Readonly<ScheduleOptions> = Object.freeze<ScheduleOptions>({
  timeZone: 'UTC',
  missed: 'once',
  graceMs: 60_000,
});

/** A schedule at work. */
export interface Schedule {
  readonly name: string;
  /** When it begins next, in ms since the epoch; absent where it never does. */
  readonly nextAt: number | undefined;
  /** Ends it; a run that has not begun is taken back. */
  cancel(): Promise<void>;
}

/** Has a run added to the jobs; answers once it is there. */
export type AddRun = (run: ScheduledRun) => Promise<unknown>;

/** How long a run that could not be planned is left alone, in ms. */
const RETRY_MS = 1000;
/** More cannot be told apart from a mistake. */
const MAX_SCHEDULES = 1000;

/** Every schedule of one `tasks`. */
export class Schedules {
  private readonly clock: Clock;
  private readonly byName: Map<string, PlannedSchedule> = new Map();
  private readonly due: DueTimes<PlannedSchedule>;
  private running: boolean = false;

  constructor(clock: Clock) {
    this.clock = clock;
    this.due = new DueTimes(
      clock,
      () => clock.now(),
      (schedule) => void this.plan(schedule),
    );
  }

  /** @throws OptionError for a name that is taken, or for a time that is none */
  add(
    name: string,
    when: string | number,
    given: Given<ScheduleOptions>,
    addRun: AddRun,
    takeBack: (run: ScheduledRun) => Promise<unknown>,
  ): Schedule {
    const owner = `tasks: schedule "${name}"`;
    if (!/^[\w.-]{1,100}$/.test(name)) {
      throw new OptionError(owner, [
        'its name must have 1 to 100 letters, digits, dots and hyphens.',
      ]);
    }
    if (this.byName.has(name)) throw new OptionError(owner, ['there is one of that name already.']);
    if (this.byName.size >= MAX_SCHEDULES) {
      throw new OptionError(owner, [`there are ${MAX_SCHEDULES} already.`]);
    }
    const options = resolveOptions(
      owner,
      DEFAULTS,
      {
        timeZone: {
          expected: 'the name of a time zone, such as Europe/Berlin',
          accepts: isTimeZone,
        },
        missed: oneOf('once', 'skip'),
        graceMs: durationMs(),
      },
      given,
    );
    const times = timesOf(owner, when, options.timeZone);
    const schedule = new PlannedSchedule(name, times, options, addRun);
    this.byName.set(name, schedule);
    if (this.running) void this.plan(schedule);
    return {
      name,
      get nextAt() {
        return schedule.nextAt;
      },
      cancel: async () => {
        if (this.byName.get(name) !== schedule) return;
        this.byName.delete(name);
        this.due.delete(schedule);
        if (schedule.nextAt !== undefined) await takeBack(schedule.run(schedule.nextAt));
        schedule.nextAt = undefined;
      },
    };
  }

  /** Whether a run is still to be done: its schedule is the same, and it has not come too late. */
  isDue({ name, at, pattern }: ScheduledRun): boolean {
    const schedule = this.byName.get(name);
    if (schedule === undefined || schedule.times.pattern !== pattern) return false;
    const { missed, graceMs } = schedule.options;
    return missed === 'once' || this.clock.now() - at <= graceMs;
  }

  async start(): Promise<void> {
    this.running = true;
    await Promise.all([...this.byName.values()].map((schedule) => this.plan(schedule)));
  }

  stop(): void {
    this.running = false;
    this.due.stop();
  }

  list(): readonly { readonly name: string; readonly pattern: string; readonly nextAt: number }[] {
    return [...this.byName.values()].map(({ name, times, nextAt = 0 }) => ({
      name,
      pattern: times.pattern,
      nextAt,
    }));
  }

  /** Adds the next run, and wakes when it is due to add the one after. Never rejects. */
  private async plan(schedule: PlannedSchedule): Promise<void> {
    const nextAt = schedule.times.after(this.clock.now());
    schedule.nextAt = nextAt;
    if (nextAt === undefined) return;
    let wakeAt = nextAt;
    try {
      await schedule.addRun(schedule.run(nextAt));
      schedule.isFailing = false;
    } catch (error) {
      // Told once, until it can be planned again.
      if (!schedule.isFailing) report(error, `tasks schedule "${schedule.name}"`);
      schedule.isFailing = true;
      wakeAt = this.clock.now() + RETRY_MS;
    }
    const isWanted = this.running && this.byName.get(schedule.name) === schedule;
    if (isWanted) this.due.add(schedule, wakeAt);
  }
}

/** When a schedule is due. */
interface Times {
  /** What it says, with its time zone. */
  readonly pattern: string;
  /** The first time after `at`; both in ms since the epoch. */
  after(at: number): number | undefined;
}

class PlannedSchedule implements Due {
  rank: number = 0;
  sequence: number = 0;
  place: number = -1;
  readonly name: string;
  readonly times: Times;
  readonly options: Readonly<ScheduleOptions>;
  readonly addRun: AddRun;
  nextAt: number | undefined = undefined;
  isFailing: boolean = false;

  constructor(name: string, times: Times, options: Readonly<ScheduleOptions>, addRun: AddRun) {
    this.name = name;
    this.times = times;
    this.options = options;
    this.addRun = addRun;
  }

  run(at: number): ScheduledRun {
    return { name: this.name, at, pattern: this.times.pattern };
  }
}

/** @throws OptionError for a pattern that is none */
function timesOf(owner: string, when: string | number, timeZone: string): Times {
  if (typeof when === 'number') {
    const check = durationMs({ min: 1000 });
    if (!check.accepts(when)) {
      throw new OptionError(owner, [
        `its time must be a cron pattern or ${check.expected}, but is ${String(when)}.`,
      ]);
    }
    // Counted from the epoch, so that every process comes to the same times.
    return { pattern: `${when} ms`, after: (at) => (Math.floor(at / when) + 1) * when };
  }
  try {
    const cron = new Cron(when, { timezone: timeZone, paused: true });
    return {
      pattern: `${when} ${timeZone}`,
      after: (at) => cron.nextRun(new Date(at))?.getTime(),
    };
  } catch (error) {
    throw new OptionError(owner, [
      `its time must be a cron pattern such as "0 3 * * *", but ${when} is none: ${(error as Error).message}`,
    ]);
  }
}

function isTimeZone(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).format(0) !== '';
  } catch {
    return false;
  }
}
