/**
 * The engine within the process: what waits, what is delayed, what is over, and, where it has a
 * folder, a log that lets it begin again where it stopped.
 */
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
import { jobCancelled, storageFailed, tasksClosed } from '../refusals.ts';
import { workerName } from '../worker-name.ts';
import type { FsyncPolicy } from './journal.ts';
import { Journal } from './journal.ts';
import { Dispatcher } from './dispatcher.ts';
import { deadOf, EndedJobs } from './ended-jobs.ts';
import type { Lane } from './lane.ts';
import { OpenJobs } from './open-jobs.ts';
import { deleteLine, endLine, putLine, runLine, type Replayed } from './records.ts';
import { StoredJob } from './stored-job.ts';
import { WaitingJobs } from './waiting-jobs.ts';

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
  private jobs!: OpenJobs;
  private waiting!: WaitingJobs;
  private ended!: EndedJobs;
  private port!: EnginePort;
  private journal: Journal | undefined = undefined;
  private token: number = 0;
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
    // All anew: a start that failed may have read some.
    this.jobs = new OpenJobs(limits);
    this.dispatcher = new Dispatcher({ ...limits, begin: (job) => this.begin(job) });
    this.waiting = new WaitingJobs(clock, this.dispatcher);
    this.ended = new EndedJobs({
      ...limits,
      lane: (type) => this.lane(type),
      onEvict: ({ type, id }) => port.onNote('evicted', type, id),
    });
    if (this.durability === undefined) return undefined;
    return this.open(this.durability);
  }

  define({ name, slots }: TypePolicy): void {
    this.lane(name).slots = slots;
    this.dispatcher.wake();
  }

  add(job: NewJob): Added | Promise<Added> {
    if (this.closed) throw tasksClosed();
    if (job.isNamed && this.has(job.id)) return this.dropped(job.id);
    if (job.dedup !== undefined) {
      const known = this.jobs.ofKey(job.type, job.dedup);
      if (known !== undefined) return this.merge(known, job, job.dedup);
    }
    this.jobs.refuseTooMany(job.data, this.dispatcher.active);
    const stored = new StoredJob(job);
    this.jobs.add(stored);
    const { journal } = this;
    if (journal === undefined) {
      this.waiting.add(stored);
      return { id: job.id, outcome: 'added' };
    }
    journal.append(putLine(stored));
    return journal.commit().then(
      () => {
        // It may have been cancelled meanwhile.
        if (stored.state === 'held' && this.jobs.has(stored)) this.waiting.add(stored);
        return { id: job.id, outcome: 'added' as const };
      },
      (error: unknown) => {
        this.jobs.delete(stored);
        throw error;
      },
    );
  }

  find(_type: string, id: string): JobView | undefined {
    return (this.jobs.get(id) ?? this.ended.get(id))?.view();
  }

  result(_type: string, id: string): Promise<unknown> {
    const job = this.jobs.get(id);
    if (job !== undefined) {
      if (this.closed) return Promise.reject(tasksClosed());
      return new Promise((resolve, reject) => {
        (job.waiters ??= []).push({ resolve, reject });
      });
    }
    return this.ended.result(id);
  }

  progress(_type: string, id: string, progress: Progress): void {
    const job = this.jobs.get(id);
    if (job !== undefined) job.progress = progress;
  }

  dead(type: string | undefined, limit: number): readonly JobView[] {
    return this.ended.listDead(type, limit);
  }

  async replay(id: string): Promise<boolean> {
    const job = this.takeDead(id);
    if (job === undefined) return false;
    job.failed = 0;
    job.takeovers = 0;
    job.dueAt = 0;
    job.progress = undefined;
    job.state = 'held';
    this.jobs.add(job);
    this.journal?.append(putLine(job));
    try {
      await this.journal?.commit();
    } finally {
      // Where the log fails it is tried all the same: it is dead no more. It may have been cancelled.
      if (this.jobs.has(job)) this.waiting.add(job);
    }
    return true;
  }

  async discard(id: string): Promise<boolean> {
    if (this.takeDead(id) === undefined) return false;
    this.journal?.append(deleteLine(id));
    await this.journal?.commit();
    return true;
  }

  async cancel(_type: string, id: string): Promise<boolean> {
    if (this.closed) throw tasksClosed();
    const job = this.jobs.get(id);
    if (job === undefined || job.state === 'active') return false;
    this.waiting.delete(job);
    this.jobs.delete(job);
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
    if (this.hadHoles) {
      return {
        status: 'warn',
        detail: `the log of before was not whole, or ${this.recovery?.damagedBytes ?? 0} bytes in its middle were damaged; the file is kept beside it`,
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
    this.waiting.stop();
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
    const now = this.port.clock.now();
    for (const job of this.jobs.values()) {
      // It has its age: what is urgent after every start must not keep the rest from their turn.
      this.waiting.add(job, Math.max(0, now - Math.max(job.addedAt, job.dueAt)));
    }
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
      if (job.state === 'completed' || job.state === 'dead') {
        this.ended.add(job);
      } else {
        job.state = 'held';
        this.jobs.add(job);
      }
    }
    this.recovery = { jobs: this.jobs.size, takenOver, damagedBytes };
  }

  private *snapshot(): Iterable<string> {
    // Of those that change while it is written, the lines that follow tell.
    const all = [...this.ended.values(), ...this.jobs.values()];
    for (const job of all) yield putLine(job);
  }

  private takeDead(id: string): StoredJob | undefined {
    if (this.closed) throw tasksClosed();
    return this.ended.takeDead(id);
  }

  private has(id: string): boolean {
    return this.jobs.get(id) !== undefined || this.ended.get(id) !== undefined;
  }

  /** Answers once the one that is there is as safe as it was promised to whoever added it. */
  private dropped(id: string): Added | Promise<Added> {
    const dropped: Added = { id, outcome: 'dropped' };
    const { journal } = this;
    if (journal === undefined || this.jobs.get(id)?.state !== 'held') return dropped;
    return journal.commit().then(() => dropped);
  }

  /** Another one of the same key. */
  private merge(known: StoredJob, job: NewJob, dedup: Dedup): Added | Promise<Added> {
    if (dedup.mode === 'drop') return this.dropped(known.id);
    this.jobs.replaceData(known, job.data);
    known.carrier = job.carrier;
    known.priority = job.priority;
    if (dedup.mode === 'debounce') {
      const latestAt = known.addedAt + maxWaitOf(dedup);
      this.waiting.postpone(known, Math.min(job.dueAt, latestAt));
    }
    const replaced: Added = { id: known.id, outcome: 'replaced' };
    if (this.journal === undefined) return replaced;
    this.journal.append(putLine(known));
    return this.journal.commit().then(() => replaced);
  }

  private lane(type: string): Lane {
    return this.dispatcher.lane(type);
  }

  private begin(job: StoredJob): void {
    job.state = 'active';
    job.fencingToken = ++this.token;
    if (job.dedup !== undefined && job.dedup.mode !== 'drop') this.jobs.freeKey(job);
    this.journal?.append(runLine(job), false);
    this.port.run(job, this.settle);
  }

  private readonly settle = (leased: LeasedJob, outcome: Outcome): void => {
    const job = leased as StoredJob;
    switch (outcome.kind) {
      case 'completed':
        job.state = 'completed';
        job.result = outcome.result;
        this.jobs.delete(job);
        this.journal?.append(endLine(job));
        this.ended.add(job);
        job.resolve();
        break;
      case 'retry':
        job.fail(outcome.failure);
        job.dueAt = this.port.clock.now() + outcome.delayMs;
        job.state = 'held';
        this.journal?.append(putLine(job));
        this.waiting.add(job);
        break;
      case 'dead':
        job.fail(outcome.failure);
        job.state = 'dead';
        this.jobs.delete(job);
        this.journal?.append(putLine(job));
        this.ended.add(job);
        job.reject(deadOf(job));
        break;
      case 'returned':
        job.state = 'held';
        job.dueAt = 0;
        this.journal?.append(putLine(job));
        this.waiting.add(job);
    }
    this.dispatcher.leave(this.lane(job.type));
  };
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
