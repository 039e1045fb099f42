/** A job as the embedded engine keeps it: in one heap at a time, and whole in a line of the log. */
import type { Due } from '../due-times.ts';
import type {
  Dedup,
  Failure,
  JobState,
  JobView,
  LeasedJob,
  NewJob,
  Progress,
  ScheduledRun,
} from '../engine.ts';

/** Whoever waits for what a job answers. */
export interface Waiter {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

const NONE: readonly Failure[] = Object.freeze([]);

/** Failures that are kept of one job; the first tells how it began, the latest how it goes on. */
const MAX_FAILURES = 20;

/** One job. */
export class StoredJob implements LeasedJob, Due {
  rank: number = 0;
  sequence: number = 0;
  place: number = -1;
  readonly id: string;
  readonly type: string;
  data: string;
  carrier: Readonly<Record<string, unknown>> | undefined;
  priority: number;
  readonly addedAt: number;
  dueAt: number;
  readonly dedup: Dedup | undefined;
  readonly schedule: ScheduledRun | undefined;
  /** `held`: not in the log yet, and so not to be begun. */
  state: JobState | 'held' = 'held';
  /** Attempts that have failed. */
  failed: number = 0;
  /** How often its worker was lost. */
  takeovers: number = 0;
  fencingToken: number = 0;
  failures: readonly Failure[] = NONE;
  progress: Progress | undefined = undefined;
  result: string | undefined = undefined;
  waiters: Waiter[] | undefined = undefined;

  constructor(job: NewJob) {
    this.id = job.id;
    this.type = job.type;
    this.data = job.data;
    this.carrier = job.carrier;
    this.priority = job.priority;
    this.addedAt = job.addedAt;
    this.dueAt = job.dueAt;
    this.dedup = job.dedup;
    this.schedule = job.schedule;
  }

  get attempt(): number {
    return this.failed + 1;
  }

  fail(failure: Failure): void {
    this.failed++;
    this.note(failure);
  }

  /** Keeps a failure that is no attempt of the job's own. */
  note(failure: Failure): void {
    const [first, ...rest] = this.failures;
    this.failures =
      first === undefined ? [failure] : [first, ...rest.slice(2 - MAX_FAILURES), failure];
  }

  view(): JobView {
    return {
      id: this.id,
      type: this.type,
      state: this.state === 'held' ? 'waiting' : this.state,
      data: JSON.parse(this.data),
      priority: this.priority,
      addedAt: this.addedAt,
      attempts: this.state === 'active' || this.state === 'completed' ? this.attempt : this.failed,
      progress: this.progress,
      failures: this.failures,
      ...(this.state === 'completed' ? { result: parseResult(this.result) } : {}),
    };
  }

  resolve(): void {
    const { waiters } = this;
    if (waiters === undefined) return;
    this.waiters = undefined;
    for (const waiter of waiters) waiter.resolve(parseResult(this.result));
  }

  reject(error: unknown): void {
    const { waiters } = this;
    if (waiters === undefined) return;
    this.waiters = undefined;
    for (const waiter of waiters) waiter.reject(error);
  }
}

/** What a job answered; nothing where it answered nothing. */
export function parseResult(result: string | undefined): unknown {
  return result === undefined ? undefined : JSON.parse(result);
}
