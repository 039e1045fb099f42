/** What a task can be told when it is defined, and what a job can when it is added. */
import {
  type Check,
  type Checks,
  type Correlated,
  durationMs,
  either,
  func,
  type Given,
  integer,
  OptionError,
  resolveOptions,
  shape,
  text,
} from '@org/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';

import { type Backoff, type BackoffFunction, resolveBackoff } from './backoff.ts';
import type { Dedup } from './engine.ts';
import type { Job } from './job.ts';

/** Does the work. What it throws or rejects with fails the attempt; what it answers is kept as JSON. */
export type Handler<D, R> = (job: Job<D>) => R | Promise<R>;

/**
 * Does the work of several at once. Answers what each of them answers, in their order; an Error in
 * the place of an answer fails that job alone, and a throw fails all of them.
 */
export type BatchHandler<D, R> = (
  jobs: readonly Job<D>[],
) => readonly (R | Error)[] | void | Promise<readonly (R | Error)[] | void>;

/** How jobs are gathered for a batch handler. */
export interface BatchOptions<D, R> {
  readonly handler: BatchHandler<D, R>;
  /** Jobs of a batch at most. @default 100 */
  readonly size?: number | undefined;
  /** How long the first of a batch waits for more, in ms. @default 50 */
  readonly windowMs?: number | undefined;
}

/** How the jobs of a task are worked on. */
export interface TaskOptions {
  /** Jobs, or batches, at once in this process. @default 10 */
  readonly concurrency: number;
  /** How long an attempt may take, in ms, until its signal aborts. @default 60_000 */
  readonly timeoutMs: number;
  /** How long an attempt whose signal has aborted may still take to end, in ms, until its slot is given to others. @default 5000 */
  readonly graceMs: number;
  /** Attempts in all, the first among them. @default 3 */
  readonly attempts: number;
  /** Waits between attempts, or a function that says how long, in ms. @default 1 s, doubled each time, ±20% */
  readonly backoff: Given<Backoff> | BackoffFunction;
  /** Whether an error is worth another attempt. @default all are, but those whose `retryable` is false */
  readonly retryIf: (error: unknown, attempt: number) => boolean;
  /** From -100 to 100; the greater goes first. Each step is worth `ageingMs` of waiting. @default 0 */
  readonly priority: number;
}

export const TASK_DEFAULTS: Readonly<TaskOptions> = Object.freeze<TaskOptions>({
  concurrency: 10,
  timeoutMs: 60_000,
  graceMs: 5000,
  attempts: 3,
  backoff: Object.freeze({}),
  retryIf: isRetryable,
  priority: 0,
});

/** A task as it is defined: by its handler, or that of batches, and a schema where data comes from outside. */
export type TaskDefinition<D, R> = Given<TaskOptions> &
  (
    | { readonly handler: Handler<D, R>; readonly batch?: undefined }
    | { readonly handler?: undefined; readonly batch: BatchOptions<D, R> }
  ) & { readonly schema?: undefined };

/** The same with a Standard Schema: jobs are added with its input, and have its output. */
export type SchemaTaskDefinition<S extends StandardSchemaV1, R> = Omit<
  TaskDefinition<StandardSchemaV1.InferOutput<S>, R>,
  'schema' | 'handler' | 'batch'
> &
  (
    | { readonly handler: Handler<StandardSchemaV1.InferOutput<S>, R>; readonly batch?: undefined }
    | {
        readonly handler?: undefined;
        readonly batch: BatchOptions<StandardSchemaV1.InferOutput<S>, R>;
      }
  ) & { readonly schema: S };

/** What a job can be told when it is added. */
export interface AddOptions {
  /** An id of yours, which says what the job is: while one of it is kept, whatever its state, no other is added. @default a new one */
  readonly id?: string | undefined;
  /** Not to begin before this is over, in ms. @default 0 */
  readonly delayMs?: number | undefined;
  /** From -100 to 100; the greater goes first. @default the task's */
  readonly priority?: number | undefined;
  /** Which other jobs are the same job. @default none */
  readonly dedup?: Dedup | undefined;
  /** For whom it works: a request's exchange, or anything that has a place in a trace. @default whom the running code works for, where somebody knows */
  readonly from?: Correlated | undefined;
}

/** A delay may be longer than a timer: a year. */
const MAX_JOB_DELAY_MS = 366 * 86_400_000;
const PRIORITY: Check<number> = integer({ min: -100, max: 100 });

const CHECKS: Checks<TaskOptions> = {
  concurrency: integer({ min: 1, max: 10_000 }),
  timeoutMs: durationMs({ min: 1 }),
  graceMs: durationMs(),
  attempts: integer({ min: 1, max: 1000 }),
  backoff: either(func<BackoffFunction>(), shape<Given<Backoff>>('waits', [])),
  retryIf: func(),
  priority: PRIORITY,
};

/** A task whose every setting is decided. */
export interface TaskSettings extends Omit<TaskOptions, 'backoff'> {
  readonly backoff: Backoff | BackoffFunction;
  readonly handler: Handler<unknown, unknown> | undefined;
  readonly batch: ResolvedBatch | undefined;
  readonly schema: StandardSchemaV1 | undefined;
}

export interface ResolvedBatch {
  readonly handler: BatchHandler<unknown, unknown>;
  readonly size: number;
  readonly windowMs: number;
}

const BATCH_DEFAULTS: Readonly<Omit<ResolvedBatch, 'handler'>> = Object.freeze({
  size: 100,
  windowMs: 50,
});

/** The settings of a task. @throws OptionError naming every option that is unknown or wrong */
export function resolveTask(name: string, given: object): Readonly<TaskSettings> {
  const owner = `task "${name}"`;
  if (typeof given !== 'object' || given === null) {
    throw new OptionError(owner, ['it must be defined by an object with a handler.']);
  }
  const { handler, batch, schema, ...rest } = given as Given<TaskSettings> & Given<TaskOptions>;
  const resolved = resolveOptions(owner, TASK_DEFAULTS, CHECKS, rest as Given<TaskOptions>);
  if ((handler === undefined) === (batch === undefined)) {
    throw new OptionError(owner, ['give it either a "handler" or a "batch" with one.']);
  }
  if (handler !== undefined && typeof handler !== 'function') {
    throw new OptionError(owner, [
      `option "handler" must be a function, but is a ${typeof handler}.`,
    ]);
  }
  if (
    schema !== undefined &&
    typeof (schema['~standard'] as Partial<StandardSchemaV1.Props> | undefined)?.validate !==
      'function'
  ) {
    throw new OptionError(owner, [
      'option "schema" must be a Standard Schema, such as one of zod, valibot or arktype.',
    ]);
  }
  const { backoff } = resolved;
  return Object.freeze<TaskSettings>({
    ...resolved,
    backoff: typeof backoff === 'function' ? backoff : resolveBackoff(owner, backoff),
    handler,
    batch: batch === undefined ? undefined : resolveBatch(owner, batch),
    schema,
  });
}

function resolveBatch(owner: string, given: object): ResolvedBatch {
  const { handler, ...rest } = given as ResolvedBatch;
  if (typeof handler !== 'function') {
    throw new OptionError(`${owner}: batch`, ['option "handler" must be a function.']);
  }
  return Object.freeze({
    handler,
    ...resolveOptions(
      `${owner}: batch`,
      BATCH_DEFAULTS,
      { size: integer({ min: 1, max: 10_000 }), windowMs: durationMs() },
      rest,
    ),
  });
}

const ADD_CHECKS: Checks<AddOptions> = {
  id: text({
    expected: 'an id of 1 to 100 letters, digits and "@", "-", "." or "_", and no number',
    pattern: /^(?!-?\d+$)[\w.@-]{1,100}$/,
  }),
  delayMs: {
    expected: 'a duration in ms, at most a year',
    accepts: (value): value is number =>
      typeof value === 'number' && value >= 0 && value <= MAX_JOB_DELAY_MS,
  },
  priority: PRIORITY,
  dedup: shape<Dedup>('an object with key and mode', []),
  from: shape<Correlated>('an exchange or what has its place in a trace', []),
};

const KEY = text({ expected: 'a key of 1 to 500 characters', pattern: /^[^]{1,500}$/ });

/** Refuses what a job cannot be told. @throws OptionError */
export function checkAdd(name: string, given: AddOptions): void {
  const owner = `task "${name}": add`;
  const { dedup } = resolveOptions<AddOptions>(owner, {}, ADD_CHECKS, given);
  if (dedup === undefined) return;
  const { key, mode, waitMs, maxWaitMs } = dedup;
  const problems: string[] = [];
  if (!KEY.accepts(key)) problems.push(`option "dedup.key" must be ${KEY.expected}.`);
  if (mode !== 'drop' && mode !== 'replace' && mode !== 'debounce') {
    problems.push('option "dedup.mode" must be one of "drop", "replace", "debounce".');
  }
  const time = durationMs({ min: 1 });
  if (mode === 'debounce' && !time.accepts(waitMs)) {
    problems.push(
      `option "dedup.waitMs" must be ${time.expected}: debouncing waits for that long.`,
    );
  }
  if (maxWaitMs !== undefined && !time.accepts(maxWaitMs)) {
    problems.push(`option "dedup.maxWaitMs" must be ${time.expected}.`);
  }
  if (problems.length > 0) throw new OptionError(owner, problems);
}

function isRetryable(error: unknown): boolean {
  return (error as { readonly retryable?: unknown } | undefined | null)?.retryable !== false;
}
