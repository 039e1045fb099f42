/**
 * The engine of several processes: BullMQ, on Redis or Postgres. A queue and a worker for each
 * task; what it does for us are the states, the locks and what becomes of a lost worker. Attempts,
 * waits and time limits are the runner's, as over every engine. BullMQ is loaded when it is used.
 */
import { randomUUID } from 'node:crypto';
import {
  type Cancel,
  type Given,
  type HealthReport,
  durationMs,
  report,
  resolveOptions,
  text,
} from '@org/core';
import type * as Bull from 'bullmq';

import type {
  Added,
  Counts,
  Dedup,
  Engine,
  EnginePort,
  Failure,
  JobView,
  LeasedJob,
  NewJob,
  Outcome,
  Progress,
  TypePolicy,
} from '../engine.ts';
import { messageOf, storageFailed, tasksClosed, tasksFull } from '../refusals.ts';
import { type Envelope, LENGTH_OF_FAILURES, viewOf } from './envelope.ts';
import { agedLevel, levelOf } from './levels.ts';
import { Results } from './results.ts';

/** What BullMQ is told. */
export interface BullmqOptions {
  /** Redis (`redis:`, `rediss:`) or Postgres (`postgres:`). @default "redis://127.0.0.1:6379" */
  readonly url: string;
  /** Before the keys of Redis; services that share one need different ones. @default "tasks" */
  readonly prefix: string;
  /** Of Postgres: the schema that BullMQ makes its tables in. @default "bullmq" */
  readonly schema: string;
  /** How long a worker that does not answer keeps a job, in ms; while it does, it renews that. @default 30_000 */
  readonly lockMs: number;
  /** The longest that a call may take, in ms. @default 5000 */
  readonly timeoutMs: number;
}

const DEFAULTS: Readonly<BullmqOptions> = Object.freeze<BullmqOptions>({
  url: 'redis://127.0.0.1:6379',
  prefix: 'tasks',
  schema: 'bullmq',
  lockMs: 30_000,
  timeoutMs: 5000,
});

const WORD = text({ expected: 'letters, digits, hyphens and underscores', pattern: /^[\w-]+$/ });

/** The runner says when it is over; BullMQ must not know better. */
const ATTEMPTS = 1_000_000;
/** Connections to Postgres of each queue and of each worker. */
const PG_CONNECTIONS = 4;
/** Jobs of a task whose age is looked at in one turn: the least urgent ones. */
const AGED_AT_ONCE = 200;
/** How old counts may be, in ms. */
const COUNTS_MS = 1000;

/** What belongs to one task. */
interface Line {
  readonly name: string;
  readonly queue: Bull.Queue<Envelope>;
  readonly worker: Bull.Worker<Envelope> | undefined;
  readonly results: Results;
  counts: Counts;
  countedMs: number;
  addedSince: number;
}

/** A job that BullMQ handed out. */
interface BullLease extends LeasedJob {
  readonly job: Bull.Job<Envelope>;
  readonly token: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Makes the engine. @throws OptionError for unknown or wrong options */
export function bullmqEngine(options?: Given<BullmqOptions>): Engine {
  const settings = resolveOptions(
    'tasks: bullmq',
    DEFAULTS,
    {
      url: text({
        expected: 'an address of Redis or Postgres',
        pattern: /^(?:rediss?|postgres(?:ql)?):\/\//,
      }),
      prefix: WORD,
      schema: WORD,
      lockMs: durationMs({ min: 1000 }),
      timeoutMs: durationMs({ min: 1 }),
    },
    options,
  );
  return new BullmqEngine(settings);
}

class BullmqEngine implements Engine {
  readonly name: string = 'bullmq';
  private readonly settings: Readonly<BullmqOptions>;
  private readonly lines: Map<string, Line> = new Map();
  private bull!: typeof Bull;
  private port!: EnginePort;
  /** Of this instance. */
  private readonly worker: string = randomUUID();
  private cancelAgeing: Cancel | undefined = undefined;
  private lastError: unknown = undefined;
  private closed: boolean = false;

  constructor(settings: Readonly<BullmqOptions>) {
    this.settings = settings;
  }

  async start(port: EnginePort): Promise<void> {
    this.port = port;
    this.bull = await load();
    this.cancelAgeing = port.clock.every(port.limits.ageingMs, () => {
      for (const line of this.lines.values()) {
        if (line.worker !== undefined && line.counts.waiting > 0) {
          void this.age(line).catch((error: unknown) => this.note(error));
        }
      }
    });
  }

  async define({ name, slots }: TypePolicy): Promise<void> {
    const { Queue } = this.bull;
    const { settings } = this;
    const base = { ...this.connection(), prefix: settings.prefix };
    const queue = this.make(
      (backend) => new Queue<Envelope>(name, base as Bull.QueueOptions, backend as undefined),
    );
    // Each result that is waited for listens to the same events.
    queue.setMaxListeners(0);
    queue.on('error', (error) => this.note(error));
    const worker = slots === 0 ? undefined : this.makeWorker(name, slots, base);
    const line: Line = {
      name,
      queue,
      worker,
      results: new Results(name, queue, () =>
        this.make(
          (backend) =>
            new this.bull.QueueEvents(name, base as Bull.QueueEventsOptions, backend as undefined),
        ),
      ),
      counts: { waiting: 0, delayed: 0, active: 0, dead: 0 },
      countedMs: Number.NEGATIVE_INFINITY,
      addedSince: 0,
    };
    line.results.onError = (error) => this.note(error);
    line.results.onProgress = (id, { worker: by, ...progress }) => {
      // Of its own it has told at once.
      if (by !== this.worker) this.port.onProgress(name, id, progress);
    };
    this.lines.set(name, line);
    await this.within(queue.waitUntilReady());
  }

  async add(job: NewJob): Promise<Added> {
    const line = this.line(job.type);
    this.refuseTooMany(line);
    line.addedSince++;
    if (job.dedup !== undefined && job.dedup.mode !== 'drop') {
      return this.addOrReplace(line, job, job.dedup);
    }
    const { id: name } = job;
    if (job.isNamed && (await this.within(this.jobOf(line, name))) !== undefined) {
      return { id: name, outcome: 'dropped' };
    }
    const id = await this.addTo(line, job, job.addedAt);
    return { id, outcome: id === job.id ? 'added' : 'dropped' };
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

  progress(type: string, id: string, progress: Progress): void {
    this.port.onProgress(type, id, progress);
    void this.line(type)
      .queue.updateJobProgress(id, { ...progress, worker: this.worker })
      .catch((error: unknown) => this.note(error));
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
    const line = this.line(type);
    if (this.port.clock.monotonicMs() - line.countedMs > COUNTS_MS) {
      void this.count(line).catch((error: unknown) => this.note(error));
    }
    return line.counts;
  }

  async refresh(): Promise<void> {
    await this.within(Promise.all([...this.lines.values()].map((line) => this.count(line))));
  }

  async health(): Promise<HealthReport> {
    try {
      await this.refresh();
      return { status: 'pass' };
    } catch (error) {
      return { status: 'fail', detail: messageOf(error) };
    }
  }

  async pause(): Promise<void> {
    this.cancelAgeing?.();
    await Promise.all([...this.lines.values()].map(async ({ worker }) => worker?.pause(true)));
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.cancelAgeing?.();
    for (const { worker, queue, results } of this.lines.values()) {
      results.reject(tasksClosed());
      if (worker !== undefined) {
        // One whose server is away would wait for it; by force it does not.
        await this.within(worker.close(this.lastError !== undefined)).catch(() => undefined);
      }
      await this.within(results.close()).catch(() => undefined);
      await this.within(queue.close()).catch(() => undefined);
    }
  }

  private makeWorker(name: string, slots: number, base: object): Bull.Worker<Envelope> {
    const { Worker } = this.bull;
    const { concurrency, maxTakeovers, keepCompleted, maxDead } = this.port.limits;
    const { lockMs } = this.settings;
    const options = {
      ...base,
      concurrency: Math.min(slots, concurrency),
      lockDuration: lockMs,
      stalledInterval: lockMs,
      // In s: a worker that is closed as it begins to wait for a job is noticed after that.
      drainDelay: 1,
      maxStalledCount: maxTakeovers,
      removeOnComplete: { count: keepCompleted },
      removeOnFail: { count: maxDead },
      settings: {
        backoffStrategy: (_attempts: number, _type: string, error: Error): number =>
          error instanceof Again ? error.delayMs : 1000,
      },
    };
    const worker = this.make(
      (backend) =>
        new Worker<Envelope>(
          name,
          // With three parameters it is given a signal.
          (job, token, signal) => this.process(job, token ?? '', signal),
          options as unknown as Bull.WorkerOptions,
          backend as undefined,
        ),
    );
    worker.on('error', (error) => this.note(error));
    worker.on('stalled', (id) => this.port.onNote('lost', name, id));
    worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) worker.cancelJob(id, 'another worker may have the job');
    });
    return worker;
  }

  /** A job was handed out. */
  private async process(
    job: Bull.Job<Envelope>,
    token: string,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const { data } = job;
    if (data.q !== undefined && data.q !== 'drop') await job.removeDeduplicationKey();
    return new Promise((resolve, reject) => {
      const lease: BullLease = {
        id: job.id!,
        type: job.name,
        data: JSON.stringify(data.d),
        carrier: data.c,
        priority: data.p ?? 0,
        addedAt: data.a ?? job.timestamp,
        dueAt: job.timestamp + job.delay,
        schedule: data.s,
        attempt: job.attemptsMade + 1,
        fencingToken: job.attemptsStarted,
        failures: data.f ?? [],
        lost: signal,
        job,
        token,
        resolve,
        reject,
      };
      this.port.run(lease, this.settle);
    });
  }

  private readonly settle = (leased: LeasedJob, outcome: Outcome): void => {
    const lease = leased as BullLease;
    if (outcome.kind === 'completed') {
      lease.resolve(outcome.result === undefined ? undefined : JSON.parse(outcome.result));
    } else if (outcome.kind === 'returned') {
      lease.job.moveToWait(lease.token).then(
        () => lease.reject(new this.bull.WaitingError()),
        (error: Error) => lease.reject(error),
      );
    } else {
      const { failure } = outcome;
      const error =
        outcome.kind === 'retry'
          ? new Again(failure.message, outcome.delayMs)
          : new this.bull.UnrecoverableError(failure.message);
      const told = (): void => lease.reject(error);
      lease.job
        .updateData({ ...lease.job.data, f: latest(lease.failures, failure) })
        .then(told, (fault: unknown) => {
          this.note(fault);
          told();
        });
    }
  };

  private async addTo(line: Line, job: NewJob, firstAddedAt: number): Promise<string> {
    const { dedup, dueAt, addedAt } = job;
    const added = await this.within(
      line.queue.add(job.type, envelopeOf(job, firstAddedAt), {
        jobId: job.id,
        timestamp: addedAt,
        delay: Math.max(0, dueAt - addedAt),
        priority: levelOf(job.priority),
        attempts: ATTEMPTS,
        backoff: { type: 'tasks' },
        ...(dedup === undefined
          ? {}
          : { deduplication: { id: dedup.key, reschedule: dedup.mode === 'debounce' } }),
      }),
    );
    return added.id!;
  }

  /** Adds a job, or gives one of its key that has not begun its data. */
  private async addOrReplace(line: Line, job: NewJob, dedup: Dedup): Promise<Added> {
    // What begins between two looks frees its key, so this comes to an end.
    for (;;) {
      const knownId = await this.within(line.queue.getDeduplicationJobId(dedup.key));
      const known = knownId === null ? undefined : await this.within(this.jobOf(line, knownId));
      const firstAddedAt = known?.data.a ?? job.addedAt;
      const latestAt = firstAddedAt + (dedup.maxWaitMs ?? 10 * (dedup.waitMs ?? 0));
      const dueAt = dedup.mode === 'debounce' ? Math.min(job.dueAt, latestAt) : job.dueAt;
      const id = await this.addTo(
        line,
        { ...job, dueAt },
        known === undefined ? job.addedAt : firstAddedAt,
      );
      if (id === job.id) return { id, outcome: 'added' };
      const there = await this.within(this.jobOf(line, id));
      if (there === undefined) continue;
      await this.within(there.updateData(envelopeOf(job, there.data.a ?? job.addedAt)));
      if (isPending(await this.within(there.getState()))) return { id, outcome: 'replaced' };
      await this.within(there.removeDeduplicationKey());
    }
  }

  private refuseTooMany(line: Line): void {
    const { maxWaiting } = this.port.limits;
    const { waiting, delayed } = this.counts(line.name);
    if (waiting + delayed + line.addedSince >= maxWaiting + line.counts.active) {
      throw tasksFull(`${maxWaiting} jobs`);
    }
  }

  private async count(line: Line): Promise<void> {
    line.countedMs = this.port.clock.monotonicMs();
    const addedBefore = line.addedSince;
    const counts = await line.queue.getJobCounts(
      'wait',
      'prioritized',
      'delayed',
      'active',
      'failed',
    );
    const { wait = 0, prioritized = 0, delayed = 0, active = 0, failed = 0 } = counts;
    line.counts = { waiting: wait + prioritized, delayed, active, dead: failed };
    line.addedSince -= addedBefore;
    this.lastError = undefined;
  }

  /** Raises what has waited: Redis knows priorities, but no age. */
  private async age(line: Line): Promise<void> {
    const { clock, limits } = this.port;
    const jobs = await line.queue.getJobs(['prioritized'], 0, AGED_AT_ONCE - 1);
    const now = clock.now();
    for (const job of jobs) {
      const level = agedLevel(job.data.p ?? 0, now - (job.timestamp + job.delay), limits.ageingMs);
      if (level < job.priority)
        await job.changePriority({ priority: level }).catch(() => undefined);
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

  private connection(): { readonly connection: object } {
    const { url, schema } = this.settings;
    return {
      connection: isPostgres(url)
        ? { connectionString: url, schema, max: PG_CONNECTIONS, migrate: true }
        : { url, maxRetriesPerRequest: null },
    };
  }

  /** Makes a part of BullMQ, with what makes it use Postgres where it is that. */
  private make<T>(construct: (backend: unknown) => T): T {
    return construct(isPostgres(this.settings.url) ? this.bull.createPostgresBackend : undefined);
  }

  /** A call in its time. @throws ProblemError `ERR_TASKS_STORAGE` */
  private async within<T>(call: Promise<T> | undefined): Promise<T> {
    const { timeoutMs } = this.settings;
    let cancel: Cancel | undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.port.clock.after(timeoutMs, () =>
        reject(new Error(`there was no answer within ${timeoutMs} ms`)),
      );
    });
    try {
      return await Promise.race([call as Promise<T>, late]);
    } catch (error) {
      throw storageFailed(error);
    } finally {
      cancel?.();
    }
  }

  /** The server is away, mostly: told once, until it is there again. */
  private note(error: unknown): void {
    if (this.lastError === undefined && !this.closed) report(error, 'tasks bullmq');
    this.lastError = error;
  }
}

/** Has BullMQ try again after a time. */
class Again extends Error {
  readonly delayMs: number;

  constructor(message: string, delayMs: number) {
    super(message);
    this.name = 'Again';
    this.delayMs = delayMs;
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

function latest(failures: readonly Failure[], failure: Failure): readonly Failure[] {
  return [...failures, failure].slice(-LENGTH_OF_FAILURES);
}

function isPending(state: string): boolean {
  return ['waiting', 'wait', 'delayed', 'prioritized', 'paused'].includes(state);
}

function isPostgres(url: string): boolean {
  return url.startsWith('postgres');
}

async function load(): Promise<typeof Bull> {
  try {
    return await import('bullmq');
  } catch (error) {
    throw new Error(
      'tasks: the engine BullMQ is not installed. Run: npm install bullmq ioredis (or bullmq pg, for Postgres).',
      { cause: error },
    );
  }
}
