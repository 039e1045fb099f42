/**
 * What an engine is: it keeps jobs, and says which one runs next. It knows nothing of handlers,
 * time limits, retries or context: those are the same over every engine. Embedded and BullMQ are
 * two, held to the same promises by one suite of tests; one of yours can keep them as well.
 */
import type { Clock, HealthReport, MaybePromise } from '@org/core';

/** What keeps jobs of the same key apart from each other. */
export interface Dedup {
  /** Jobs of one type and one key are the same job. */
  readonly key: string;
  /**
   * `drop`: while one is waiting or running, further ones are not added. `replace`: the data of
   * one that has not begun is replaced. `debounce`: the same, and it waits anew each time.
   */
  readonly mode: 'drop' | 'replace' | 'debounce';
  /** Of `debounce`: how long it waits after the last addition, in ms. */
  readonly waitMs?: number | undefined;
  /** Of `debounce`: how long it waits after the first addition at most, in ms. @default 10 × waitMs */
  readonly maxWaitMs?: number | undefined;
}

/** Of `debounce`: how long a job waits after the first addition at most, in ms. */
export function maxWaitOf({ waitMs = 0, maxWaitMs = 10 * waitMs }: Dedup): number {
  return maxWaitMs;
}

/** Which run of a schedule a job is. */
export interface ScheduledRun {
  readonly name: string;
  /** When it was to begin, in ms since the epoch. */
  readonly at: number;
  /** What the schedule said then: a run of another one is not begun. */
  readonly pattern: string;
}

/** A job to keep. Data is JSON text. */
export interface NewJob {
  readonly id: string;
  /** Somebody chose the id: there may be one of it, and then this one is dropped. */
  readonly isNamed: boolean;
  readonly type: string;
  readonly data: string;
  /** The correlation of whoever added it. */
  readonly carrier: Readonly<Record<string, unknown>> | undefined;
  /** From -100 to 100; the greater goes first. */
  readonly priority: number;
  /** In ms since the epoch. */
  readonly addedAt: number;
  /** Not to begin before, in ms since the epoch; 0: at once. */
  readonly dueAt: number;
  readonly dedup: Dedup | undefined;
  readonly schedule: ScheduledRun | undefined;
}

/** What became of a new job: `added`, or one of the same key or id was there. */
export interface Added {
  /** Of the job that is there now. */
  readonly id: string;
  readonly outcome: 'added' | 'dropped' | 'replaced';
}

/** What one attempt failed with, for whoever has to find out why. */
export interface Failure {
  /** Which attempt, from 1. */
  readonly attempt: number;
  /** When it ended, in ms since the epoch. */
  readonly at: number;
  readonly durationMs: number;
  /** The machine and process that worked on it, such as `web-1:4711`. */
  readonly worker: string;
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  /** The first lines. */
  readonly stack?: string | undefined;
}

/** A job that was handed out to be worked on. */
export interface LeasedJob {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly carrier: Readonly<Record<string, unknown>> | undefined;
  readonly priority: number;
  readonly addedAt: number;
  readonly dueAt: number;
  readonly schedule: ScheduledRun | undefined;
  /** From 1; what was lost with its worker does not count. */
  readonly attempt: number;
  /** Grows with each time that this job is handed out. */
  readonly fencingToken: number;
  readonly failures: readonly Failure[];
  /** Aborts when the lease is lost: another worker may have the job. */
  readonly lost?: AbortSignal | undefined;
}

/** How the work on a job ended. `returned`: it was not done, and counts for nothing. */
export type Outcome =
  | { readonly kind: 'completed'; readonly result: string | undefined }
  | { readonly kind: 'retry'; readonly delayMs: number; readonly failure: Failure }
  | { readonly kind: 'dead'; readonly failure: Failure }
  | { readonly kind: 'returned' };

/** Where a job is. */
export type JobState = 'waiting' | 'delayed' | 'active' | 'completed' | 'dead';

/** How far a job has come. */
export interface Progress {
  /** From 0 to 1. */
  readonly ratio: number;
  readonly detail?: unknown;
}

/** A job as it is looked at. */
export interface JobView {
  readonly id: string;
  readonly type: string;
  readonly state: JobState;
  readonly data: unknown;
  readonly priority: number;
  readonly addedAt: number;
  /** Attempts that have begun. */
  readonly attempts: number;
  readonly progress: Progress | undefined;
  readonly failures: readonly Failure[];
  /** Of one that is completed. */
  readonly result?: unknown;
}

/** Jobs of one type, by where they are. */
export interface Counts {
  readonly waiting: number;
  readonly delayed: number;
  readonly active: number;
  readonly dead: number;
}

/** What an engine needs to know of a type. */
export interface TypePolicy {
  readonly name: string;
  /** Jobs of the type at once, in this process. */
  readonly slots: number;
}

/** What an engine is given to work with. */
export interface EnginePort {
  readonly clock: Clock;
  readonly limits: EngineLimits;
  /** Works on a job, and calls `settle` once. */
  run(job: LeasedJob, settle: (job: LeasedJob, outcome: Outcome) => void): void;
  /** A job that another process works on has come further; `carrier` is what it was added with. */
  onProgress(type: string, id: string, progress: Progress, carrier: NewJob['carrier']): void;
  /** Something happened to a job that its worker cannot tell. */
  onNote(note: 'lost' | 'evicted', type: string, id: string): void;
}

/** Bounds, and what else every engine is told; see the options of `tasks`. */
export interface EngineLimits {
  readonly concurrency: number;
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
  readonly maxDead: number;
  readonly maxTakeovers: number;
  readonly keepCompleted: number;
  readonly ageingMs: number;
}

/** Keeps jobs, and hands them out. */
export interface Engine {
  /** Such as `memory`. */
  readonly name: string;
  /** Brings it up; from now on jobs are handed to `port.run`. Where it rejects it has left nothing behind, and may be called again. */
  start(port: EnginePort): MaybePromise<void>;
  /** Makes a type known; before that, its jobs wait. */
  define(type: TypePolicy): MaybePromise<void>;
  /**
   * Keeps a job. Once it has answered, the job is as safe as the engine promises.
   * @throws ProblemError `ERR_TASKS_FULL`, `ERR_TASKS_STORAGE`
   */
  add(job: NewJob): MaybePromise<Added>;
  /** A job, while it is kept. */
  find(type: string, id: string): MaybePromise<JobView | undefined>;
  /** What the job answers; rejects when it is dead, or when nobody knows it. */
  result(type: string, id: string): Promise<unknown>;
  /** Somebody wants to hear of progress that other processes make. */
  watch?(type: string): MaybePromise<void>;
  /** Keeps how far a job of this process has come, and tells other processes, with its carrier. */
  progress(type: string, id: string, progress: Progress, carrier: NewJob['carrier']): void;
  /** Jobs that failed for good, the newest first. */
  dead(type: string | undefined, limit: number): MaybePromise<readonly JobView[]>;
  /** Has a dead job tried again, with all its attempts. Says whether there was one. */
  replay(id: string): MaybePromise<boolean>;
  /** Forgets a dead job. Says whether there was one. */
  discard(id: string): MaybePromise<boolean>;
  /** Takes a job out that has not begun. Says whether there was one. */
  cancel(type: string, id: string): MaybePromise<boolean>;
  /** As last known. */
  counts(type: string): Counts;
  /** Brings `counts` up to date, where they are kept elsewhere. */
  refresh?(): Promise<void>;
  health?(): MaybePromise<HealthReport>;
  /** Hands out no more. */
  pause(): MaybePromise<void>;
  /** Ends it; every job that was handed out has been settled. */
  close(): MaybePromise<void>;
}
