/** Waits for what jobs of one task answer, wherever they are worked on: one connection for all who wait. */
import { type Cancel, type Clock, hasCode } from '@org/core';
import type { Queue, QueueEvents } from 'bullmq';

import { jobCancelled, jobDead, jobUnknown } from '../refusals.ts';
import { type Envelope, isProgress, type ToldProgress } from './envelope.ts';

interface Waiter {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** Between two looks at what is waited for: an event that comes while a connection is made, or is lost, is missed. */
const LOOK_MS = 2000;
/** Jobs that are looked at in one turn. */
const LOOKS = 100;

/** Whoever waits for jobs of one task. */
export class Results {
  onError: (error: unknown) => void = () => undefined;
  onProgress: (id: string, progress: ToldProgress) => void = () => undefined;
  private readonly name: string;
  private readonly queue: Queue<Envelope>;
  private readonly make: () => QueueEvents;
  private readonly clock: Clock;
  private cancelLooks: Cancel | undefined = undefined;
  private readonly waiters: Map<string, Waiter[]> = new Map();
  private readonly cancelling: Set<string> = new Set();
  private events: QueueEvents | undefined = undefined;
  /** Why nobody is told any more. */
  private closed: Error | undefined = undefined;

  constructor(name: string, queue: Queue<Envelope>, clock: Clock, make: () => QueueEvents) {
    this.name = name;
    this.queue = queue;
    this.clock = clock;
    this.make = make;
  }

  /** Begins to listen; the first who wants to know has it begin. */
  open(): QueueEvents {
    if (this.events !== undefined) return this.events;
    if (this.closed !== undefined) throw this.closed;
    const events = this.make();
    this.events = events;
    events.on('error', (error) => this.onError(error));
    events.on('completed', ({ jobId, returnvalue }) =>
      this.settle(jobId, (waiter) => waiter.resolve(parsed(returnvalue))),
    );
    events.on('failed', ({ jobId, failedReason }) =>
      this.settle(jobId, (waiter) => waiter.reject(jobDead(jobId, failedReason))),
    );
    events.on('removed', ({ jobId }) => this.cancelled(jobId));
    events.on('progress', ({ jobId, data }) => {
      if (isProgress(data)) this.onProgress(jobId, data);
    });
    return events;
  }

  of(id: string): Promise<unknown> {
    if (this.closed !== undefined) return Promise.reject(this.closed);
    return new Promise((resolve, reject) => {
      const waiting = this.waiters.get(id);
      const waiter = { resolve, reject };
      if (waiting === undefined) this.waiters.set(id, [waiter]);
      else waiting.push(waiter);
      this.cancelLooks ??= this.clock.every(LOOK_MS, () => this.lookAgain());
      this.look(id).catch((error: unknown) => this.settle(id, (one) => one.reject(error)));
    });
  }

  /** Takes a job out by `remove`, and tells whoever waits for it. */
  async cancel(id: string, remove: () => Promise<unknown>): Promise<void> {
    this.cancelling.add(id);
    try {
      await remove();
      this.cancelled(id);
    } finally {
      this.cancelling.delete(id);
    }
  }

  private cancelled(id: string): void {
    this.settle(id, (waiter) => waiter.reject(jobCancelled(id)));
  }

  /** Nobody is told any more: they hear `reason`, and nothing is opened again. Answers what is open. */
  stop(reason: Error): QueueEvents | undefined {
    this.closed = reason;
    for (const id of this.waiters.keys()) this.settle(id, (waiter) => waiter.reject(reason));
    return this.events;
  }

  /** At those who have waited longest, who then wait behind the others. */
  private lookAgain(): void {
    for (const [id, waiting] of [...this.waiters].slice(0, LOOKS)) {
      this.waiters.delete(id);
      this.waiters.set(id, waiting);
      // Whoever was told of it once need not be told of an outage that passes.
      this.look(id).catch((error: unknown) => {
        if (hasCode(error, 'ERR_TASKS_UNKNOWN')) this.settle(id, (one) => one.reject(error));
        else this.onError(error);
      });
    }
  }

  /** It may be over already; only after that events tell. */
  private async look(id: string): Promise<void> {
    await this.open().waitUntilReady();
    const job = await this.queue.getJob(id);
    if (job === undefined) throw this.cancelling.has(id) ? jobCancelled(id) : jobUnknown(id);
    const state = await job.getState();
    if (state === 'completed') {
      // What it answered may have come after what was read before.
      const done = await this.queue.getJob(id);
      this.settle(id, (waiter) => waiter.resolve(done?.returnvalue ?? undefined));
    } else if (state === 'failed') {
      const failed = await this.queue.getJob(id);
      this.settle(id, (waiter) => waiter.reject(jobDead(id, failed?.failedReason ?? this.name)));
    }
  }

  private settle(id: string, tell: (waiter: Waiter) => void): void {
    const waiting = this.waiters.get(id);
    if (waiting === undefined) return;
    this.waiters.delete(id);
    if (this.waiters.size === 0) {
      this.cancelLooks?.();
      this.cancelLooks = undefined;
    }
    for (const waiter of waiting) tell(waiter);
  }
}

/** BullMQ gives back JSON as it is, or parsed already. */
function parsed(value: unknown): unknown {
  if (value === null || value === undefined || value === '') return undefined;
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
