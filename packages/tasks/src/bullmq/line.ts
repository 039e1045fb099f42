/** What belongs to one task in BullMQ: its queue, its worker where this process works, and who waits for results. */
import type { Clock } from '@org/core';
import type * as Bull from 'bullmq';

import type { Counts, EngineLimits } from '../engine.ts';
import { tasksClosed, tasksFull } from '../refusals.ts';
import { Additions } from './additions.ts';
import { Breaker } from './breaker.ts';
import type { Connections } from './connections.ts';
import type { Envelope } from './envelope.ts';
import { agedLevel } from './levels.ts';
import type { ProgressWrites } from './progress-writes.ts';
import type { Results } from './results.ts';
import { timeLimited, type Within } from './time-limited.ts';

/** Jobs of a task whose age is looked at in one turn: the least urgent ones. */
const AGED_AT_ONCE = 200;
/** How old counts may be, in ms. */
const COUNTS_MS = 1000;

/** What a line is made of. */
export interface LineSettings {
  readonly name: string;
  readonly queue: Bull.Queue<Envelope>;
  readonly worker: Bull.Worker<Envelope> | undefined;
  readonly progress: ProgressWrites;
  readonly results: Results;
  readonly connections: Connections;
  readonly clock: Clock;
  readonly limits: EngineLimits;
  readonly within: Within;
  /** The longest that an addition may take, in ms. */
  readonly addTimeoutMs: number;
  readonly onError: (error: unknown) => void;
  /** The server is there. */
  readonly onAnswer: () => void;
}

/** One task's line. */
export class Line {
  readonly name: string;
  readonly queue: Bull.Queue<Envelope>;
  readonly progress: ProgressWrites;
  readonly results: Results;
  readonly breaker: Breaker;
  readonly additions: Additions;
  private readonly settings: LineSettings;
  private counted: Counts = { waiting: 0, delayed: 0, active: 0, dead: 0 };
  private countedMs: number = Number.NEGATIVE_INFINITY;
  private counting: Promise<void> | undefined = undefined;
  private addedSince: number = 0;

  constructor(settings: LineSettings) {
    this.settings = settings;
    this.name = settings.name;
    this.queue = settings.queue;
    this.progress = settings.progress;
    this.results = settings.results;
    const { clock, connections, addTimeoutMs, onError } = settings;
    // A probe has the time of an addition: what answers more slowly would not help one.
    const inTime = timeLimited(clock, addTimeoutMs);
    const probe = (): Promise<unknown> => {
      connections.refresh();
      return inTime(this.count());
    };
    this.breaker = new Breaker({ clock, probe, onOpen: onError });
    this.additions = new Additions(clock, addTimeoutMs, this.breaker);
  }

  /** As last known; asks anew, where that is long ago. */
  get counts(): Counts {
    const { clock, onError, onAnswer } = this.settings;
    const isOld = clock.monotonicMs() - this.countedMs > COUNTS_MS;
    if (isOld && this.counting === undefined) void this.count().then(onAnswer, onError);
    return this.counted;
  }

  /** Counts one that is about to be added. @throws ProblemError `ERR_TASKS_FULL`, `ERR_TASKS_STORAGE` */
  admit(): void {
    this.additions.check();
    const { maxWaiting } = this.settings.limits;
    const { waiting, delayed } = this.counts;
    if (waiting + delayed + this.addedSince >= maxWaiting + this.counted.active) {
      throw tasksFull(`${maxWaiting} jobs`);
    }
    this.addedSince++;
  }

  /** Once at a time: what a server that is away does not answer must not pile up. */
  count(): Promise<void> {
    this.counting ??= this.countAll().finally(() => (this.counting = undefined));
    return this.counting;
  }

  private async countAll(): Promise<void> {
    this.countedMs = this.settings.clock.monotonicMs();
    const addedBefore = this.addedSince;
    const counts = await this.queue.getJobCounts(
      'wait',
      'prioritized',
      'delayed',
      'active',
      'failed',
    );
    const { wait = 0, prioritized = 0, delayed = 0, active = 0, failed = 0 } = counts;
    this.counted = { waiting: wait + prioritized, delayed, active, dead: failed };
    this.addedSince -= addedBefore;
  }

  /** Raises what has waited: Redis knows priorities, but no age. */
  async age(): Promise<void> {
    const { worker, clock, limits } = this.settings;
    if (worker === undefined || this.counted.waiting === 0) return;
    const jobs = await this.queue.getJobs(['prioritized'], 0, AGED_AT_ONCE - 1);
    const now = clock.now();
    for (const job of jobs) {
      const level = agedLevel(job.data.p ?? 0, now - (job.timestamp + job.delay), limits.ageingMs);
      if (level < job.priority)
        await job.changePriority({ priority: level }).catch(() => undefined);
    }
  }

  /** Takes no more jobs. */
  async pause(): Promise<void> {
    await this.settings.worker?.pause(true);
  }

  /** Ends all of it at once, so that many do not add up. Never rejects. @param byForce the server is away: the worker must not wait for it */
  async end(byForce: boolean): Promise<void> {
    const { worker, connections } = this.settings;
    this.breaker.dispose();
    const events = this.results.stop(tasksClosed());
    connections.seal();
    const ending = [this.close(worker, byForce), this.close(this.queue), this.close(events)];
    await Promise.all(ending);
    connections.end();
  }

  /** What cannot say goodbye, for its server is away, would try for as long as the process lives. */
  private async close(part: Closable | undefined, byForce: boolean = false): Promise<void> {
    try {
      await this.settings.within(part?.close(byForce));
    } catch {
      void part?.disconnect().catch(() => undefined);
    }
  }
}

/** A part of BullMQ. */
interface Closable {
  close(byForce?: boolean): Promise<void>;
  disconnect(): Promise<void>;
}
