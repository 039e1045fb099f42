/**
 * The engine within the process: what waits, what is delayed, what is over, and, where it has a
 * folder, a log that lets it begin again where it stopped.
 */
import { DueTimes } from '../due-times.ts';
import {
  type Added,
  type Counts,
  type Dedup,
  type Engine,
  type EnginePort,
  type Failure,
  type JobView,
  type LeasedJob,
  maxWaitOf,
  type NewJob,
  type Outcome,
  type Progress,
  type TypePolicy,
} from '../engine.ts';
import {
  jobCancelled,
  jobDead,
  jobUnknown,
  storageFailed,
  tasksClosed,
  tasksFull,
} from '../refusals.ts';
import { workerName } from '../worker-name.ts';
import type { FsyncPolicy } from './journal.ts';
import { Journal } from './journal.ts';
import { KeptJobs } from './kept-jobs.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Lane } from './lane.ts';
import { deleteLine, endLine, putLine, runLine, type Replayed } from './records.ts';
import { parseResult, StoredJob } from './stored-job.ts';

/** What makes it durable. */
export interface Durability {
  readonly folder: string;
  readonly fsync: FsyncPolicy;
  readonly fsyncIntervalMs: number;
  readonly compactBytes: number;
}

/** Tokens of one process; its epoch stands before them. */
const TOKENS = 2 ** 32;

/** What a start found. */
export interface Recovery {
  readonly jobs: number;
  /** Jobs whose worker was lost with the process before. */
  readonly takenOver: number;
  readonly damagedBytes: number;
}

/** Makes the engine; without `durability` it keeps jobs as long as the process. */
export function embeddedEngine(durability?: Durability): EmbeddedEngine {
  return new EmbeddedEngine(durability);
}

/** Keeps jobs in this process. */
export class EmbeddedEngine implements Engine {
  readonly name: string;
  recovery: Recovery | undefined = undefined;
  private readonly durability: Durability | undefined;
  private dispatcher!: Dispatcher;
  /** Jobs that are not over. */
  private readonly jobs: Map<string, StoredJob> = new Map();
  private readonly keys: Map<string, StoredJob> = new Map();
  private completed!: KeptJobs;
  private deadJobs!: KeptJobs;
  private delayed!: DueTimes<StoredJob>;
  private port!: EnginePort;
  private journal: Journal | undefined = undefined;
  private token: number = 0;
  private waitingBytes: number = 0;
  private closed: boolean = false;
  /** The log of before had a hole, and is kept. */
  private hadHoles: boolean = false;

  constructor(durability?: Durability) {
    this.durability = durability;
    this.name = durability === undefined ? 'memory' : 'durable';
  }

  start(port: EnginePort): void | Promise<void> {
    this.port = port;
    const { clock, limits } = port;
    // A start that failed may have read some.
    for (const known of [this.jobs, this.keys]) known.clear();
    this.waitingBytes = 0;
    this.dispatcher = new Dispatcher({ ...limits, begin: (job) => this.begin(job) });
    this.completed = new KeptJobs(limits.keepCompleted, () => undefined);
    this.deadJobs = new KeptJobs(limits.maxDead, (job) => {
      this.lane(job.type).dead--;
      port.onNote('evicted', job.type, job.id);
    });
    this.delayed = new DueTimes(
      clock,
      () => clock.now(),
      (job) => {
        this.lane(job.type).delayed--;
        this.enter(job);
      },
    );
    if (this.durability === undefined) return undefined;
    return this.open(this.durability);
  }

  define({ name, slots }: TypePolicy): void {
    this.lane(name).slots = slots;
    this.dispatcher.wake();
  }

  add(job: NewJob): Added | Promise<Added> {
    if (job.isNamed && this.has(job.id)) return { id: job.id, outcome: 'dropped' };
    if (job.dedup !== undefined) {
      const known = this.keys.get(keyOf(job.type, job.dedup));
      if (known !== undefined) return this.merge(known, job, job.dedup);
    }
    this.refuseTooMany(job);
    const stored = new StoredJob(job);
    this.keep(stored);
    const { journal } = this;
    if (journal === undefined) {
      this.enqueue(stored);
      return { id: job.id, outcome: 'added' };
    }
    journal.append(putLine(stored));
    return journal.commit().then(
      () => {
        // It may have been cancelled meanwhile.
        if (stored.state === 'held' && this.jobs.has(stored.id)) this.enqueue(stored);
        return { id: job.id, outcome: 'added' as const };
      },
      (error: unknown) => {
        this.drop(stored);
        throw error;
      },
    );
  }

  find(_type: string, id: string): JobView | undefined {
    return (this.jobs.get(id) ?? this.completed.get(id) ?? this.deadJobs.get(id))?.view();
  }

  result(_type: string, id: string): Promise<unknown> {
    const job = this.jobs.get(id);
    if (job !== undefined) {
      return new Promise((resolve, reject) => {
        (job.waiters ??= []).push({ resolve, reject });
      });
    }
    const completed = this.completed.get(id);
    if (completed !== undefined) return Promise.resolve(parseResult(completed.result));
    const dead = this.deadJobs.get(id);
    return Promise.reject(dead === undefined ? jobUnknown(id) : deadOf(dead));
  }

  progress(_type: string, id: string, progress: Progress): void {
    const job = this.jobs.get(id);
    if (job !== undefined) job.progress = progress;
  }

  dead(type: string | undefined, limit: number): readonly JobView[] {
    return [...this.deadJobs.values()]
      .filter((job) => type === undefined || job.type === type)
      .slice(-limit)
      .toReversed()
      .map((job) => job.view());
  }

  async replay(id: string): Promise<boolean> {
    const job = this.deadJobs.take(id);
    if (job === undefined) return false;
    this.lane(job.type).dead--;
    job.failed = 0;
    job.takeovers = 0;
    job.dueAt = 0;
    job.progress = undefined;
    job.state = 'held';
    this.keep(job);
    this.journal?.append(putLine(job));
    try {
      await this.journal?.commit();
    } finally {
      // Where the log fails it is tried all the same: it is dead no more.
      this.enqueue(job);
    }
    return true;
  }

  async discard(id: string): Promise<boolean> {
    const job = this.deadJobs.take(id);
    if (job === undefined) return false;
    this.lane(job.type).dead--;
    this.journal?.append(deleteLine(id));
    await this.journal?.commit();
    return true;
  }

  async cancel(_type: string, id: string): Promise<boolean> {
    const job = this.jobs.get(id);
    if (job === undefined || job.state === 'active') return false;
    if (job.state === 'waiting') this.lane(job.type).delete(job);
    else if (job.state === 'delayed' && this.delayed.delete(job)) this.lane(job.type).delayed--;
    this.drop(job);
    job.reject(jobCancelled(id));
    this.journal?.append(deleteLine(id));
    await this.journal?.commit();
    return true;
  }

  counts(type: string): Counts {
    const { waiting, delayed, active, dead } = this.lane(type);
    return { waiting, delayed, active, dead };
  }

  health(): { status: 'pass' } | { status: 'fail' | 'warn'; detail: string } {
    const failure = this.journal?.failure;
    if (failure !== undefined) return { status: 'fail', detail: storageFailed(failure).message };
    const damaged = this.recovery?.damagedBytes ?? 0;
    if (damaged > 0 && this.hadHoles) {
      return {
        status: 'warn',
        detail: `${damaged} bytes in the middle of the log were damaged; the file is kept beside it`,
      };
    }
    return { status: 'pass' };
  }

  pause(): void {
    this.dispatcher.pause();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.pause();
    this.delayed.stop();
    for (const job of this.jobs.values()) job.reject(tasksClosed());
    await this.journal?.close();
  }

  /** Numbers of the log, where there is one. */
  logStats(): { readonly [name: string]: number } | undefined {
    const { journal, recovery } = this;
    if (journal === undefined) return undefined;
    return {
      sizeBytes: journal.sizeBytes,
      syncsTotal: journal.syncsTotal,
      snapshotsTotal: journal.snapshotsTotal,
      recoveredJobs: recovery?.jobs ?? 0,
      takenOver: recovery?.takenOver ?? 0,
      damagedBytes: recovery?.damagedBytes ?? 0,
    };
  }

  private async open(durability: Durability): Promise<void> {
    const journal = new Journal({
      ...durability,
      clock: this.port.clock,
      snapshot: () => this.snapshot(),
    });
    const replayed = await journal.open();
    this.restore(replayed);
    this.hadHoles = replayed.hasHoles;
    await journal.begin(replayed.hasHoles);
    this.token = journal.generation * TOKENS;
    this.journal = journal;
    for (const job of this.jobs.values()) this.enqueue(job);
  }

  private restore({ jobs, damagedBytes }: Replayed): void {
    const { limits } = this.port;
    let takenOver = 0;
    for (const job of jobs.values()) {
      if (job.state === 'active') {
        takenOver++;
        job.takeovers++;
        job.note(lostWith(job, this.port.clock.now()));
        job.state = job.takeovers > limits.maxTakeovers ? 'dead' : 'held';
        this.port.onNote('lost', job.type, job.id);
      }
      if (job.state === 'completed') {
        this.completed.add(job);
      } else if (job.state === 'dead') {
        this.lane(job.type).dead++;
        this.deadJobs.add(job);
      } else {
        job.state = 'held';
        this.keep(job);
      }
    }
    this.recovery = { jobs: this.jobs.size, takenOver, damagedBytes };
  }

  private *snapshot(): Iterable<string> {
    // Of those that change while it is written, the lines that follow tell.
    const all = [...this.completed.values(), ...this.deadJobs.values(), ...this.jobs.values()];
    for (const job of all) yield putLine(job);
  }

  private has(id: string): boolean {
    return (
      this.jobs.has(id) ||
      this.completed.get(id) !== undefined ||
      this.deadJobs.get(id) !== undefined
    );
  }

  /** Another one of the same key. */
  private merge(known: StoredJob, job: NewJob, dedup: Dedup): Added | Promise<Added> {
    if (dedup.mode === 'drop') return { id: known.id, outcome: 'dropped' };
    this.waitingBytes += job.data.length - known.data.length;
    known.data = job.data;
    known.carrier = job.carrier;
    known.priority = job.priority;
    if (dedup.mode === 'debounce') this.postpone(known, job, dedup);
    const replaced: Added = { id: known.id, outcome: 'replaced' };
    if (this.journal === undefined) return replaced;
    this.journal.append(putLine(known));
    return this.journal.commit().then(() => replaced);
  }

  private postpone(known: StoredJob, { dueAt }: NewJob, dedup: Dedup): void {
    const latestAt = known.addedAt + maxWaitOf(dedup);
    known.dueAt = Math.min(dueAt, latestAt);
    if (known.state === 'delayed') this.delayed.move(known, known.dueAt);
  }

  private refuseTooMany(job: NewJob): void {
    const { maxWaiting, maxWaitingBytes } = this.port.limits;
    if (this.jobs.size - this.dispatcher.active >= maxWaiting)
      throw tasksFull(`${maxWaiting} jobs`);
    if (this.waitingBytes + job.data.length > maxWaitingBytes) {
      throw tasksFull(`jobs of ${maxWaitingBytes} bytes`);
    }
  }

  private keep(job: StoredJob): void {
    this.jobs.set(job.id, job);
    this.waitingBytes += job.data.length;
    if (job.dedup === undefined) return;
    const key = keyOf(job.type, job.dedup);
    if (!this.keys.has(key)) this.keys.set(key, job);
  }

  /** A job is over, or was never there. */
  private drop(job: StoredJob): void {
    if (this.jobs.delete(job.id)) this.waitingBytes -= job.data.length;
    this.freeKey(job);
  }

  private freeKey({ dedup, type, id }: StoredJob): void {
    if (dedup === undefined) return;
    const key = keyOf(type, dedup);
    if (this.keys.get(key)?.id === id) this.keys.delete(key);
  }

  private enqueue(job: StoredJob): void {
    if (job.dueAt > this.port.clock.now()) {
      job.state = 'delayed';
      this.lane(job.type).delayed++;
      if (!this.closed) this.delayed.add(job, job.dueAt);
    } else {
      this.enter(job);
    }
  }

  private enter(job: StoredJob): void {
    job.state = 'waiting';
    this.lane(job.type).push(job, this.port.clock.monotonicMs());
    this.dispatcher.wake();
  }

  private lane(type: string): Lane {
    return this.dispatcher.lane(type);
  }

  private begin(job: StoredJob): void {
    job.state = 'active';
    job.fencingToken = ++this.token;
    if (job.dedup !== undefined && job.dedup.mode !== 'drop') this.freeKey(job);
    this.journal?.append(runLine(job), false);
    this.port.run(job, this.settle);
  }

  private readonly settle = (leased: LeasedJob, outcome: Outcome): void => {
    const job = leased as StoredJob;
    const lane = this.lane(job.type);
    switch (outcome.kind) {
      case 'completed':
        job.state = 'completed';
        job.result = outcome.result;
        this.drop(job);
        this.journal?.append(endLine(job));
        this.completed.add(job);
        job.resolve();
        break;
      case 'retry':
        job.fail(outcome.failure);
        job.dueAt = this.port.clock.now() + outcome.delayMs;
        job.state = 'held';
        this.journal?.append(putLine(job));
        this.enqueue(job);
        break;
      case 'dead':
        job.fail(outcome.failure);
        job.state = 'dead';
        this.drop(job);
        lane.dead++;
        this.journal?.append(putLine(job));
        this.deadJobs.add(job);
        job.reject(deadOf(job));
        break;
      case 'returned':
        job.state = 'held';
        job.dueAt = 0;
        this.journal?.append(putLine(job));
        this.enqueue(job);
    }
    this.dispatcher.leave(lane);
  };
}

function keyOf(type: string, { key }: Dedup): string {
  return `${type}\n${key}`;
}

function deadOf(job: StoredJob): Error {
  return jobDead(job.id, job.failures.at(-1)?.message ?? 'for no known reason');
}

function lostWith(job: StoredJob, at: number): Failure {
  return {
    attempt: job.attempt,
    at,
    durationMs: 0,
    worker: workerName(),
    name: 'WorkerLost',
    message: 'The process ended while it worked on the job.',
    code: 'ERR_TASKS_WORKER_LOST',
  };
}
