/** What BullMQ keeps as the data of a job: ours, and what has to go with it. */
import type { Job } from 'bullmq';

import type { Dedup, Failure, JobState, JobView, Progress, ScheduledRun } from '../engine.ts';

/** The members are short: there may be millions of them. */
export interface Envelope {
  /** The job's own data. */
  readonly d: unknown;
  /** When it was added first, in ms since the epoch. */
  readonly a: number;
  readonly c?: Readonly<Record<string, unknown>>;
  readonly p?: number;
  readonly s?: ScheduledRun;
  readonly q?: Dedup['mode'];
  readonly f?: readonly Failure[];
}

/** Failures that are kept of one job. */
export const LENGTH_OF_FAILURES = 20;

const STATES: Readonly<Record<string, JobState>> = Object.freeze({
  active: 'active',
  delayed: 'delayed',
  completed: 'completed',
  failed: 'dead',
});

/** A job as it is looked at. */
export function viewOf(job: Job<Envelope>, state: string): JobView {
  const { data } = job;
  const shown = STATES[state] ?? 'waiting';
  const failures = data.f ?? [];
  return {
    id: job.id!,
    type: job.name,
    state: shown,
    data: data.d,
    priority: data.p ?? 0,
    addedAt: data.a,
    attempts: shown === 'active' ? job.attemptsMade + 1 : job.attemptsMade,
    progress: progressOf(job.progress),
    failures: shown === 'dead' && failures.length === 0 ? [failureOfBullmq(job)] : failures,
    ...(shown === 'completed' ? { result: job.returnvalue ?? undefined } : {}),
  };
}

/** Progress with the instance that told of it, and its job's carrier. */
export interface ToldProgress extends Progress {
  readonly worker?: string;
  readonly c?: Envelope['c'] | undefined;
}

export function isProgress(value: unknown): value is ToldProgress {
  return typeof value === 'object' && value !== null && 'ratio' in value;
}

function progressOf(value: unknown): Progress | undefined {
  if (!isProgress(value)) return undefined;
  const { worker: _, c: _carrier, ...progress } = value;
  return progress;
}

/** It was BullMQ itself that gave up: its workers were lost too often. */
function failureOfBullmq(job: Job<Envelope>): Failure {
  return {
    attempt: job.attemptsMade,
    at: job.finishedOn ?? 0,
    durationMs: 0,
    worker: 'unknown',
    name: 'WorkerLost',
    message: job.failedReason,
    code: 'ERR_TASKS_WORKER_LOST',
  };
}
