/**
 * Works on the jobs that an engine hands out: finds the handler, gives it its time, its context and
 * its signal, and decides what comes of a failure. It is the same over every engine. Nothing that a
 * handler does reaches anybody but its own job.
 */
import { type Clock, type Propagator, report } from '@org/core';

import { backoffMs } from './backoff.ts';
import type { Batches } from './batches.ts';
import { DueTimes } from './due-times.ts';
import type { Failure, LeasedJob, Outcome, Progress, ScheduledRun } from './engine.ts';
import { Execution, type Supervisor } from './job.ts';
import { RecentTimes } from './recent-times.ts';
import { attemptTimedOut, messageOf, tasksClosed } from './refusals.ts';
import type { TaskSettings } from './task-options.ts';
import { workerName } from './worker-name.ts';

/** What has happened in one task, in this process. */
export class TaskNumbers {
  added: number = 0;
  deduplicated: number = 0;
  refused: number = 0;
  completed: number = 0;
  failed: number = 0;
  retried: number = 0;
  dead: number = 0;
  returned: number = 0;
  timedOut: number = 0;
  hungTotal: number = 0;
  /** Handlers that go on although their jobs are over. */
  hung: number = 0;
  readonly waitMs: RecentTimes = new RecentTimes();
  readonly runMs: RecentTimes = new RecentTimes();
}

/** A task as the runner sees it. */
export interface RunnableTask {
  readonly name: string;
  readonly settings: Readonly<TaskSettings>;
  readonly numbers: TaskNumbers;
  /** Gathers jobs, where the handler takes several. */
  readonly batches: Batches | undefined;
}

/** What the runner tells of a job, as it happens. */
export type Tell = (
  type: 'started' | 'completed' | 'retried' | 'dead' | 'returned' | 'timed-out' | 'hung',
  execution: Execution,
  more?: { readonly failure?: Failure; readonly delayMs?: number; readonly durationMs?: number },
) => void;

/** What a runner works with. */
export interface RunnerSettings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly maxResultBytes: number;
  readonly find: (name: string) => RunnableTask | undefined;
  readonly propagator: () => Propagator | undefined;
  /** Whether a run of a schedule is still to be done. */
  readonly isDue: (run: ScheduledRun) => boolean;
  readonly tell: Tell;
  readonly onProgress: (execution: Execution, progress: Progress) => void;
}

/** Characters of a stack that are kept. */
const MAX_STACK = 2000;
const MAX_MESSAGE = 1000;
const DONE: Outcome = Object.freeze({ kind: 'completed', result: undefined });
const RETURNED: Outcome = Object.freeze({ kind: 'returned' });

/** Works on jobs. */
export class Runner implements Supervisor {
  private readonly settings: RunnerSettings;
  private readonly running: Set<Execution> = new Set();
  private readonly limits: DueTimes<Execution>;
  private readonly worker: string = workerName();
  private closing: boolean = false;
  private onIdle: (() => void) | undefined = undefined;

  constructor(settings: RunnerSettings) {
    this.settings = settings;
    const { clock } = settings;
    this.limits = new DueTimes(
      clock,
      () => clock.monotonicMs(),
      (execution) => this.expire(execution),
    );
  }

  /** Works on a job. */
  run(leased: LeasedJob, settle: (job: LeasedJob, outcome: Outcome) => void): void {
    const { clock, find, isDue, tell } = this.settings;
    const task = find(leased.type);
    // What was on its way while the engine was stopped goes back.
    if (task === undefined || this.closing) {
      settle(leased, RETURNED);
      return;
    }
    if (leased.schedule !== undefined && !isDue(leased.schedule)) {
      settle(leased, DONE);
      return;
    }
    const execution = new Execution(leased, this, clock.monotonicMs(), settle);
    this.running.add(execution);
    task.numbers.waitMs.add(Math.max(0, clock.now() - Math.max(leased.addedAt, leased.dueAt)));
    leased.lost?.addEventListener('abort', () => execution.abort(leased.lost!.reason), {
      once: true,
    });
    tell('started', execution);
    if (task.batches === undefined) this.begin(task, execution);
    else task.batches.add(execution);
  }

  /** Waits until nothing runs, or `signal` aborts; then aborts what runs and gives it back. */
  async drain(signal: AbortSignal): Promise<void> {
    this.closing = true;
    for (const execution of this.running) {
      // What is still being gathered has not begun.
      if (this.settings.find(execution.type)?.batches?.take(execution) === true) {
        this.giveBack(execution);
      }
    }
    if (this.running.size > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.onIdle = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    for (const execution of this.running) {
      this.giveBack(execution);
      execution.abort(tasksClosed());
    }
    this.limits.stop();
  }

  contextOf(
    carrier: Readonly<Record<string, unknown>> | undefined,
  ): ReturnType<Propagator['extract']> | undefined {
    return this.settings.propagator()?.extract({ ...carrier });
  }

  onProgress(execution: Execution, progress: Progress): void {
    this.settings.onProgress(execution, progress);
  }

  /** Begins a batch; their time runs from here. Called by whoever gathers it. Never rejects. */
  async beginBatch(task: RunnableTask, executions: readonly Execution[]): Promise<void> {
    const { timeoutMs, batch } = task.settings;
    const dueMs = this.settings.clock.monotonicMs() + timeoutMs;
    for (const execution of executions) this.limits.add(execution, dueMs);
    let answers: unknown;
    try {
      answers = await batch!.handler(executions);
    } catch (error) {
      for (const execution of executions) this.fail(task, execution, error);
      return;
    }
    if (
      answers !== undefined &&
      (!Array.isArray(answers) || answers.length !== executions.length)
    ) {
      const error = new TypeError(
        `The batch handler of "${task.name}" must answer nothing, or one value or Error for each of its ${executions.length} jobs.`,
      );
      for (const execution of executions) this.fail(task, execution, error);
      return;
    }
    for (const [at, execution] of executions.entries()) {
      const answer: unknown = (answers as unknown[] | undefined)?.[at];
      if (answer instanceof Error) this.fail(task, execution, answer);
      else this.succeed(task, execution, answer);
    }
  }

  private begin(task: RunnableTask, execution: Execution): void {
    const { handler, timeoutMs } = task.settings;
    this.limits.add(execution, execution.startMs + timeoutMs);
    let answer: unknown;
    try {
      const propagator = this.settings.propagator();
      const { context } = propagator?.carries === true ? execution : NO_CONTEXT;
      answer =
        context === undefined
          ? handler!(execution)
          : propagator!.run(context, () => handler!(execution));
    } catch (error) {
      this.fail(task, execution, error);
      return;
    }
    if (isThenable(answer)) {
      answer.then(
        (value) => this.succeed(task, execution, value),
        (error: unknown) => this.fail(task, execution, error),
      );
    } else {
      this.succeed(task, execution, answer);
    }
  }

  private succeed(task: RunnableTask, execution: Execution, value: unknown): void {
    // Too late is too late, even where it worked: somebody may have been told otherwise.
    if (execution.timedOut !== undefined) {
      this.fail(task, execution, execution.timedOut);
      return;
    }
    if (!this.leave(task, execution)) return;
    const durationMs = this.settings.clock.monotonicMs() - execution.startMs;
    task.numbers.completed++;
    task.numbers.runMs.add(durationMs);
    this.settings.tell('completed', execution, { durationMs });
    execution.settle(
      value === undefined ? DONE : { kind: 'completed', result: this.resultOf(task, value) },
    );
    this.tellIdle();
  }

  private fail(task: RunnableTask, execution: Execution, thrown: unknown): void {
    if (!this.leave(task, execution)) return;
    const error = execution.timedOut ?? thrown;
    const { numbers } = task;
    const failure = this.failureOf(execution, error);
    numbers.failed++;
    numbers.runMs.add(failure.durationMs);
    const delayMs = this.delayOf(task, execution, error);
    if (delayMs === undefined) {
      numbers.dead++;
      this.settings.tell('dead', execution, { failure });
      execution.settle({ kind: 'dead', failure });
    } else {
      numbers.retried++;
      this.settings.tell('retried', execution, { failure, delayMs });
      execution.settle({ kind: 'retry', delayMs, failure });
    }
    this.tellIdle();
  }

  /** How long until the next attempt; nothing where there is none. */
  private delayOf(task: RunnableTask, execution: Execution, error: unknown): number | undefined {
    const { attempts, backoff, retryIf } = task.settings;
    const { attempt } = execution;
    if (attempt >= attempts) return undefined;
    try {
      if (!retryIf(error, attempt)) return undefined;
      if (typeof backoff !== 'function') return backoffMs(backoff, attempt, this.settings.random);
      const delayMs = backoff(attempt, error);
      if (delayMs >= 0 && Number.isFinite(delayMs)) return delayMs;
      throw new RangeError(`backoff answered ${String(delayMs)}, and must answer ms`);
    } catch (fault) {
      // What cannot be judged is tried again, after a while.
      report(fault, `task "${task.name}"`);
      return 1000;
    }
  }

  /** The time of an attempt is over, or that of its end. */
  private expire(execution: Execution): void {
    const task = this.settings.find(execution.type)!;
    const { timeoutMs, graceMs } = task.settings;
    if (execution.timedOut === undefined) {
      execution.timedOut = attemptTimedOut(timeoutMs);
      task.numbers.timedOut++;
      this.settings.tell('timed-out', execution);
      this.limits.add(execution, this.settings.clock.monotonicMs() + graceMs);
      execution.abort(execution.timedOut);
      return;
    }
    this.fail(task, execution, execution.timedOut);
    execution.hung = true;
    task.numbers.hung++;
    task.numbers.hungTotal++;
    this.settings.tell('hung', execution);
  }

  private giveBack(execution: Execution): void {
    const task = this.settings.find(execution.type)!;
    if (!this.leave(task, execution)) return;
    task.numbers.returned++;
    this.settings.tell('returned', execution);
    execution.settle(RETURNED);
  }

  /** Takes it out of what runs; of several who would, the first may. */
  private leave(task: RunnableTask, execution: Execution): boolean {
    if (!this.running.delete(execution)) {
      // A handler that was given up on has ended after all.
      if (execution.hung) task.numbers.hung--;
      execution.hung = false;
      return false;
    }
    this.limits.delete(execution);
    task.batches?.leave(execution);
    return true;
  }

  private tellIdle(): void {
    if (this.running.size === 0) this.onIdle?.();
  }

  private resultOf(task: RunnableTask, value: unknown): string | undefined {
    try {
      const text = JSON.stringify(value) as string | undefined;
      if (text === undefined || text.length <= this.settings.maxResultBytes) return text;
      throw new RangeError(
        `The answer of a job "${task.name}" has ${text.length} characters, more than the ${this.settings.maxResultBytes} that are kept. The job is completed without it.`,
      );
    } catch (error) {
      // Its effect has happened: another attempt would repeat it.
      report(error, `task "${task.name}"`);
      return undefined;
    }
  }

  private failureOf(execution: Execution, error: unknown): Failure {
    const { name, code, stack } = (error ?? {}) as {
      readonly [key in 'name' | 'code' | 'stack']?: unknown;
    };
    return {
      attempt: execution.attempt,
      at: this.settings.clock.now(),
      durationMs: Math.round(1000 * (this.settings.clock.monotonicMs() - execution.startMs)) / 1000,
      worker: this.worker,
      name: typeof name === 'string' ? name : typeof error,
      message: messageOf(error).slice(0, MAX_MESSAGE),
      ...(typeof code === 'string' ? { code } : {}),
      ...(typeof stack === 'string' ? { stack: stack.slice(0, MAX_STACK) } : {}),
    };
  }
}

const NO_CONTEXT: { readonly context: undefined } = Object.freeze({ context: undefined });

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}
