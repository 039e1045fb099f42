/** A task as the application uses it: it adds jobs, and follows them. */
import {
  callHook,
  type Correlated,
  type MaybePromise,
  schemaIssue,
  validationProblem,
} from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

import type { Added, JobView, Progress } from './engine.ts';
import { dataRefused, messageOf } from './refusals.ts';
import type { AddOptions } from './task-options.ts';

/** How far a job has come, as it happens. */
export interface TaskProgress extends Progress {
  readonly id: string;
  /** The request, or whatever else added the job: in the process that works on it, the job's own `context`. */
  readonly context: Correlated | undefined;
}

/** A job that was added. */
export interface JobHandle<R = unknown> {
  readonly id: string;
  /** Whether it was added; otherwise it is that of another one with its key. */
  readonly isNew: boolean;
  /**
   * What the job answers.
   * @throws ProblemError `ERR_TASKS_DEAD`, `ERR_TASKS_CANCELLED`, `ERR_TASKS_UNKNOWN`, or
   * `ERR_TASKS_CLOSED` where this process ends before it is known
   */
  result(): Promise<R>;
  /** The job as it is now; nothing once it is forgotten. */
  view(): Promise<JobView | undefined>;
  /** How far it has come. */
  progress(): Promise<Progress | undefined>;
  /** Takes it out, unless it has begun. Says whether it did. */
  cancel(): Promise<boolean>;
}

/** Jobs of one kind. */
export interface Task<I = unknown, R = unknown> {
  readonly name: string;
  /**
   * Adds a job. Once it has answered, the job is as safe as the engine promises.
   * @throws ProblemError `ERR_TASKS_CLOSED`, `ERR_TASKS_FULL`, `ERR_TASKS_STORAGE`,
   * `ERR_TASKS_DATA`, or `ERR_VALIDATION` where the schema refuses the data
   * @throws OptionError for unknown or wrong options
   */
  add(data: I, options?: AddOptions): Promise<JobHandle<R>>;
  /** A job, while it is kept. */
  find(id: string): Promise<JobView | undefined>;
  /** Calls `listener` when one of its jobs has come further; the answer takes it away. */
  onProgress(listener: (progress: TaskProgress) => void): () => void;
}

/** What a handle asks of the jobs. */
export interface JobDesk {
  result(type: string, id: string): Promise<unknown>;
  find(type: string, id: string): Promise<JobView | undefined>;
  cancel(type: string, id: string): Promise<boolean>;
}

/** Stands for one job. */
export class Handle<R> implements JobHandle<R> {
  readonly id: string;
  readonly isNew: boolean;
  private readonly type: string;
  private readonly desk: JobDesk;

  constructor(desk: JobDesk, type: string, { id, outcome }: Added) {
    this.desk = desk;
    this.type = type;
    this.id = id;
    this.isNew = outcome === 'added';
  }

  result(): Promise<R> {
    return this.desk.result(this.type, this.id) as Promise<R>;
  }

  view(): Promise<JobView | undefined> {
    return this.desk.find(this.type, this.id);
  }

  async progress(): Promise<Progress | undefined> {
    return (await this.view())?.progress;
  }

  cancel(): Promise<boolean> {
    return this.desk.cancel(this.type, this.id);
  }
}

/** Whoever listens to the progress of one task. */
export class ProgressListeners {
  private readonly listeners: Set<(progress: TaskProgress) => void> = new Set();
  private readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  get size(): number {
    return this.listeners.size;
  }

  add(listener: (progress: TaskProgress) => void): () => void {
    // A function of its own, so that one that is added twice is taken away once.
    const own = (progress: TaskProgress): void => listener(progress);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  tell(progress: TaskProgress): void {
    for (const listener of this.listeners) {
      callHook(() => listener(progress), `task "${this.name}" onProgress`);
    }
  }
}

/** Data as it is kept. @throws ProblemError `ERR_TASKS_DATA` for what JSON cannot hold, or what is too large */
export function encodeData(type: string, data: unknown, maxBytes: number): string {
  let text: string | undefined;
  try {
    text = data === undefined ? 'null' : (JSON.stringify(data) as string | undefined);
  } catch (error) {
    throw dataRefused(type, `cannot be written as JSON: ${messageOf(error)}`);
  }
  if (text === undefined)
    throw dataRefused(type, `cannot be written as JSON: it is a ${typeof data}`);
  // A character has three bytes at most, a half of a pair counted alone.
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) {
    throw dataRefused(type, `has more than the ${maxBytes} bytes that a job may have`);
  }
  return text;
}

/** What the schema makes of data. @throws ProblemError `ERR_VALIDATION` */
export function validated(schema: StandardSchemaV1, data: unknown): MaybePromise<unknown> {
  const result = schema['~standard'].validate(data);
  return result instanceof Promise ? result.then(outputOf) : outputOf(result);
}

function outputOf(result: StandardSchemaV1.Result<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  throw validationProblem(result.issues, schemaIssue, 422);
}
