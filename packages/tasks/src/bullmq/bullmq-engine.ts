/**
 * The engine of several processes: BullMQ, on Redis or Postgres. A queue and a worker for each
 * task; what it does for us are the states, the locks and what becomes of a lost worker. Attempts,
 * waits and time limits are the runner's, as over every engine. BullMQ is loaded when it is used.
 */
import { randomUUID } from 'node:crypto';
import { type Cancel, type Given, type HealthReport, report } from '@org/core';
import type * as Bull from 'bullmq';

import {
  type Added,
  type Counts,
  type Dedup,
  type Engine,
  type EnginePort,
  type JobView,
  maxWaitOf,
  type NewJob,
  type Progress,
  type TypePolicy,
} from '../engine.ts';
import { messageOf } from '../refusals.ts';
import type { Ask } from './additions.ts';
import { type Connect, connector } from './connections.ts';
import { type Envelope, viewOf } from './envelope.ts';
import { levelOf } from './levels.ts';
import { type BullmqOptions, type BullmqSettings, resolveBullmqOptions } from './options.ts';
import { Line } from './line.ts';
import { ProgressWrites } from './progress-writes.ts';
import { Results } from './results.ts';
import { timeLimited, type Within } from './time-limited.ts';
import { makeWorker } from './worker.ts';

/** The runner says when it is over; BullMQ must not know better. */
const ATTEMPTS = 1_000_000;
/** How long nothing has failed until the next failure is told as another outage, in ms: servers of other tasks may answer in between, and a silent connection takes 15 s to fail again. */
const QUIET_MS = 20_000;

/** Makes the engine. @throws OptionError for unknown or wrong options */
export function bullmqEngine(options?: Given<BullmqOptions>): Engine {
  return new BullmqEngine(resolveBullmqOptions(options));
}

class BullmqEngine implements Engine {
  readonly name: string = 'bullmq';
  private readonly settings: Readonly<BullmqSettings>;
  private readonly lines: Map<string, Line> = new Map();
  private bull!: typeof Bull;
  private connect!: Connect;
  private port!: EnginePort;
  private within!: Within;
  /** Of this instance. */
  private readonly worker: string = randomUUID();
  private cancelAgeing: Cancel | undefined = undefined;
  private failedMs: number = Number.NEGATIVE_INFINITY;
  private hasAnswered: boolean = true;
  private closed: boolean = false;

  constructor(settings: Readonly<BullmqSettings>) {
    this.settings = settings;
  }

  async start(port: EnginePort): Promise<void> {
    this.port = port;
    this.within = timeLimited(port.clock, this.settings.timeoutMs);
    ({ bull: this.bull, connect: this.connect } = await load(this.settings));
    this.cancelAgeing = port.clock.every(port.limits.ageingMs, () => {
      for (const line of this.lines.values()) {
        void line.age().catch((error: unknown) => this.note(error));
      }
    });
  }

  async define({ name, slots }: TypePolicy): Promise<void> {
    if (this.lines.has(name)) return;
    const line = this.open(name, slots);
    this.lines.set(name, line);
    try {
      await this.within(line.queue.waitUntilReady());
    } catch (error) {
      this.lines.delete(name);
      void line.end(true);
      throw error;
    }
  }

  private open(name: string, slots: number): Line {
    const { bull, port, settings } = this;
    const connections = this.connect(name);
    const backend = this.backend();
    const onError = (error: unknown): void => this.note(error);
    const queue = new bull.Queue<Envelope>(name, connections.queue, backend);
    queue.on('error', onError);
    const progress = new ProgressWrites(
      (id, told) => this.within(queue.updateJobProgress(id, told)),
      onError,
    );
    const { lockMs } = settings;
    const worker =
      slots === 0
        ? undefined
        : makeWorker(name, slots, {
            bull,
            base: connections.worker,
            backend,
            port,
            lockMs,
            progress,
            onError,
          });
    const results = new Results(
      name,
      queue,
      port.clock,
      () => new bull.QueueEvents(name, connections.worker, backend),
    );
    results.onError = onError;
    results.onProgress = (id, { worker: by, c: carrier, ...told }) => {
      // Of its own its process knows.
      if (by !== this.worker) port.onProgress(name, id, told, carrier);
    };
    return new Line({
      name,
      queue,
      worker,
      progress,
      results,
      connections,
      clock: port.clock,
      limits: port.limits,
      within: this.within,
      addTimeoutMs: settings.addTimeoutMs,
      onError,
      onAnswer: () => this.there(),
    });
  }

  async add(job: NewJob): Promise<Added> {
    const line = this.line(job.type);
    line.admit();
    return line.additions.run((ask) => this.keep(line, job, ask));
  }

  async find(type: string, id: string): Promise<JobView | undefined> {
    const line = this.line(type);
    const job = await this.within(this.jobOf(line, id));
    return job === undefined ? undefined : viewOf(job, await this.within(job.getState()));
  }

  result(type: string, id: string): Promise<unknown> {
    return this.line(type).results.of(id);
  }

  watch(type: string): void {
    this.line(type).results.open();
  }

  progress(type: string, id: string, progress: Progress, carrier: NewJob['carrier']): void {
    this.line(type).progress.tell(id, { ...progress, worker: this.worker, c: carrier });
  }

  async dead(type: string | undefined, limit: number): Promise<readonly JobView[]> {
    const lines = type === undefined ? [...this.lines.values()] : [this.line(type)];
    const found = await this.within(
      Promise.all(lines.map(({ queue }) => queue.getFailed(0, limit - 1))),
    );
    return found
      .flat()
      .toSorted((one, other) => (other.finishedOn ?? 0) - (one.finishedOn ?? 0))
      .slice(0, limit)
      .map((job) => viewOf(job, 'failed'));
  }

  async replay(id: string): Promise<boolean> {
    const job = await this.deadJob(id);
    if (job === undefined) return false;
    await this.within(job.retry('failed', { resetAttemptsMade: true }));
    return true;
  }

  async discard(id: string): Promise<boolean> {
    const job = await this.deadJob(id);
    if (job === undefined) return false;
    await this.within(job.remove());
    return true;
  }

  async cancel(type: string, id: string): Promise<boolean> {
    const line = this.line(type);
    const job = await this.within(this.jobOf(line, id));
    if (job === undefined || !isPending(await this.within(job.getState()))) return false;
    try {
      await line.results.cancel(id, () => this.within(job.remove()));
    } catch (error) {
      // It has begun meanwhile.
      if ((await this.within(job.getState())) === 'active') return false;
      throw error;
    }
    return true;
  }

  counts(type: string): Counts {
    return this.line(type).counts;
  }

  async refresh(): Promise<void> {
    await this.within(Promise.all([...this.lines.values()].map((line) => line.count())));
    this.there();
  }

  async health(): Promise<HealthReport> {
    for (const { breaker } of this.lines.values()) {
      if (breaker.isOpen) {
        return { status: 'fail', detail: `no jobs can be added: ${messageOf(breaker.cause)}` };
      }
    }
    try {
      await this.refresh();
      return { status: 'pass' };
    } catch (error) {
      return { status: 'fail', detail: messageOf(error) };
    }
  }

  async pause(): Promise<void> {
    this.cancelAgeing?.();
    await Promise.all([...this.lines.values()].map((line) => line.pause()));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.cancelAgeing?.();
    // Workers whose server is away would wait for it for ever; by force they do not.
    const ending = [...this.lines.values()].map(async (line) => line.end(await this.isAway(line)));
    await Promise.all(ending);
  }

  private async isAway(line: Line): Promise<boolean> {
    if (line.breaker.isOpen) return true;
    return this.within(line.count()).then(
      () => false,
      () => true,
    );
  }

  private async keep(line: Line, job: NewJob, ask: Ask): Promise<Added> {
    const { id: name, dedup } = job;
    if (dedup !== undefined && dedup.mode !== 'drop') {
      return this.addOrReplace(line, job, dedup, ask);
    }
    if (job.isNamed && (await ask(() => this.jobOf(line, name))) !== undefined) {
      return { id: name, outcome: 'dropped' };
    }
    const id = await ask(() => this.addTo(line, job, job.addedAt));
    return { id, outcome: id === name ? 'added' : 'dropped' };
  }

  private async addTo(line: Line, job: NewJob, firstAddedAt: number): Promise<string> {
    const { dedup, dueAt, addedAt } = job;
    const added = await line.queue.add(job.type, envelopeOf(job, firstAddedAt), {
      jobId: job.id,
      timestamp: addedAt,
      delay: Math.max(0, dueAt - addedAt),
      priority: levelOf(job.priority),
      attempts: ATTEMPTS,
      backoff: { type: 'tasks' },
      ...(dedup === undefined
        ? {}
        : { deduplication: { id: dedup.key, reschedule: dedup.mode === 'debounce' } }),
    });
    return added.id!;
  }

  /** Adds a job, or gives one of its key that has not begun its data. */
  private async addOrReplace(line: Line, job: NewJob, dedup: Dedup, ask: Ask): Promise<Added> {
    // What begins between two looks frees its key, so this comes to an end.
    for (;;) {
      const knownId = await ask(() => line.queue.getDeduplicationJobId(dedup.key));
      const known = knownId === null ? undefined : await ask(() => this.jobOf(line, knownId));
      const firstAddedAt = known?.data.a ?? job.addedAt;
      const latestAt = firstAddedAt + maxWaitOf(dedup);
      const dueAt = dedup.mode === 'debounce' ? Math.min(job.dueAt, latestAt) : job.dueAt;
      const id = await ask(() => this.addTo(line, { ...job, dueAt }, firstAddedAt));
      if (id === job.id) return { id, outcome: 'added' };
      const there = await ask(() => this.jobOf(line, id));
      if (there === undefined) continue;
      await ask(() => there.updateData(envelopeOf(job, there.data.a ?? job.addedAt)));
      if (isPending(await ask(() => there.getState()))) return { id, outcome: 'replaced' };
      await ask(() => there.removeDeduplicationKey());
    }
  }

  private async deadJob(id: string): Promise<Bull.Job<Envelope> | undefined> {
    for (const line of this.lines.values()) {
      const job = await this.within(this.jobOf(line, id));
      if (job !== undefined && (await this.within(job.isFailed()))) return job;
    }
    return undefined;
  }

  private jobOf(line: Line, id: string): Promise<Bull.Job<Envelope> | undefined> {
    return line.queue.getJob(id) as Promise<Bull.Job<Envelope> | undefined>;
  }

  private line(type: string): Line {
    const line = this.lines.get(type);
    if (line === undefined) throw new Error(`There is no task "${type}".`);
    return line;
  }

  /** What makes parts of BullMQ use Postgres. Its types know one kind of server at a time. */
  private backend(): undefined {
    return (this.settings.server.kind === 'postgres'
      ? this.bull.createPostgresBackend
      : undefined) as unknown as undefined;
  }

  private there(): void {
    this.hasAnswered = true;
  }

  /** The server is away, mostly: an outage is told once. */
  private note(error: unknown): void {
    const nowMs = this.port.clock.monotonicMs();
    const isNew = this.hasAnswered && nowMs - this.failedMs > QUIET_MS;
    if (isNew && !this.closed) report(error, 'tasks bullmq');
    this.hasAnswered = false;
    this.failedMs = nowMs;
  }
}

function envelopeOf(
  { data, carrier, priority, schedule, dedup }: NewJob,
  addedAt: number,
): Envelope {
  return {
    d: JSON.parse(data),
    a: addedAt,
    ...(carrier === undefined ? {} : { c: carrier }),
    ...(priority === 0 ? {} : { p: priority }),
    ...(schedule === undefined ? {} : { s: schedule }),
    ...(dedup === undefined ? {} : { q: dedup.mode }),
  };
}

function isPending(state: string): boolean {
  return ['waiting', 'wait', 'delayed', 'prioritized', 'paused'].includes(state);
}

async function load(
  settings: BullmqSettings,
): Promise<{ readonly bull: typeof Bull; readonly connect: Connect }> {
  try {
    return { bull: await import('bullmq'), connect: await connector(settings) };
  } catch (error) {
    throw new Error(
      'tasks: the engine BullMQ is not installed. Run: npm install bullmq ioredis (or bullmq pg, for Postgres).',
      { cause: error },
    );
  }
}
