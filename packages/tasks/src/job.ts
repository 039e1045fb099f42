/** A job as its handler sees it, and what its runner keeps of it meanwhile. */
import type { Correlated } from '@org/core';

import type { Due } from './due-times.ts';
import type { Failure, LeasedJob, Outcome, Progress, ScheduledRun } from './engine.ts';

/** A job at work. */
export interface Job<D = unknown> {
  readonly id: string;
  /** The name of its task. */
  readonly type: string;
  readonly data: D;
  /** Which attempt this is, from 1. */
  readonly attempt: number;
  /** What the attempts before failed with. */
  readonly failures: readonly Failure[];
  /**
   * Grows each time that this job is handed out. Whatever the job changes should remember the
   * greatest one it has seen, and refuse lesser ones: a worker that was taken for dead may still work.
   */
  readonly fencingToken: number;
  /** When it was added, in ms since the epoch. */
  readonly addedAt: number;
  /** The run of a schedule that it is. */
  readonly schedule: ScheduledRun | undefined;
  /** Aborts when the time of this attempt is over, and when the service closes before it is done. */
  readonly signal: AbortSignal;
  /** The request, or whatever else added it: a child of its trace. Absent where nothing carries it. */
  readonly context: Correlated | undefined;
  /** Says how far it has come. @param ratio from 0 to 1, and cut to that @param detail anything that JSON can hold */
  progress(ratio: number, detail?: unknown): void;
}

/** Who works on jobs, as a job sees it. */
export interface Supervisor {
  /** Reads what a carrier holds. */
  contextOf(carrier: Readonly<Record<string, unknown>> | undefined): Correlated | undefined;
  onProgress(execution: Execution, progress: Progress): void;
}

/** One attempt. It is what the handler is given, so that a job costs one object. */
export class Execution implements Job, Due {
  /** @internal */
  rank: number = 0;
  /** @internal */
  sequence: number = 0;
  /** @internal */
  place: number = -1;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly attempt: number;
  readonly failures: readonly Failure[];
  readonly fencingToken: number;
  readonly addedAt: number;
  readonly schedule: ScheduledRun | undefined;
  /** @internal */
  readonly startMs: number;
  /** The outcome is decided; whatever the handler still does is its own affair. @internal */
  settled: boolean = false;
  /** Its time is over. @internal */
  timedOut: unknown = undefined;
  /** The handler goes on although its job is over. @internal */
  hung: boolean = false;
  /** The batch that it is in. @internal */
  batch: { left: number } | undefined = undefined;
  /** @internal */
  readonly leased: LeasedJob;
  private readonly supervisor: Supervisor;
  private readonly settleWith: (job: LeasedJob, outcome: Outcome) => void;
  private controller: AbortController | undefined = undefined;
  private correlated: Correlated | undefined | null = null;

  constructor(
    leased: LeasedJob,
    supervisor: Supervisor,
    startMs: number,
    settle: (job: LeasedJob, outcome: Outcome) => void,
  ) {
    this.id = leased.id;
    this.type = leased.type;
    this.data = JSON.parse(leased.data);
    this.attempt = leased.attempt;
    this.failures = leased.failures;
    this.fencingToken = leased.fencingToken;
    this.addedAt = leased.addedAt;
    this.schedule = leased.schedule;
    this.leased = leased;
    this.supervisor = supervisor;
    this.startMs = startMs;
    this.settleWith = settle;
  }

  get signal(): AbortSignal {
    return (this.controller ??= new AbortController()).signal;
  }

  get context(): Correlated | undefined {
    if (this.correlated === null) {
      this.correlated = this.supervisor.contextOf(this.leased.carrier);
    }
    return this.correlated;
  }

  /** Bound to its job: handlers take their job apart. */
  get progress(): Job['progress'] {
    return (ratio, detail) => this.tellProgress(ratio, detail);
  }

  private tellProgress(ratio: number, detail: unknown): void {
    if (this.settled) return;
    const cut = Math.min(1, Math.max(0, ratio || 0));
    this.supervisor.onProgress(
      this,
      detail === undefined ? { ratio: cut } : { ratio: cut, detail },
    );
  }

  /** @internal */
  abort(reason: unknown): void {
    this.controller ??= new AbortController();
    this.controller.abort(reason);
  }

  /** The first outcome counts. @internal */
  settle(outcome: Outcome): void {
    if (this.settled) return;
    this.settled = true;
    this.settleWith(this.leased, outcome);
  }
}
