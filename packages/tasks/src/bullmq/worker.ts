/** Workers of BullMQ: what they are handed goes to the runner, and how it ended goes back in BullMQ's own words. */
import type * as Bull from 'bullmq';

import type { EnginePort, Failure, LeasedJob, Outcome } from '../engine.ts';
import { type Envelope, LENGTH_OF_FAILURES } from './envelope.ts';
import type { ProgressWrites } from './progress-writes.ts';

/** What a worker works with. */
export interface WorkerSettings {
  readonly bull: typeof Bull;
  /** What it is connected by. */
  readonly base: object;
  /** Of Postgres; absent on Redis. */
  readonly backend: undefined;
  readonly port: EnginePort;
  readonly lockMs: number;
  readonly progress: ProgressWrites;
  readonly onError: (error: unknown) => void;
}

/** A job that BullMQ handed out. */
interface BullLease extends LeasedJob {
  readonly job: Bull.Job<Envelope>;
  readonly token: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Makes the worker of a task, which begins at once. */
export function makeWorker(
  name: string,
  slots: number,
  { bull, base, backend, port, lockMs, progress, onError }: WorkerSettings,
): Bull.Worker<Envelope> {
  const { concurrency, maxTakeovers, keepCompleted, maxDead } = port.limits;

  /** Only when its progress is written: whoever hears that a job is over finds the last of it. */
  function settle(leased: LeasedJob, outcome: Outcome): void {
    const written = progress.over(leased.id);
    if (written === undefined) end(leased, outcome);
    else void written.then(() => end(leased, outcome));
  }

  function end(leased: LeasedJob, outcome: Outcome): void {
    const { job, token, failures, resolve, reject } = leased as BullLease;
    if (outcome.kind === 'completed') {
      resolve(outcome.result === undefined ? undefined : JSON.parse(outcome.result));
      return;
    }
    if (outcome.kind === 'returned') {
      job.moveToWait(token).then(() => reject(new bull.WaitingError()), reject);
      return;
    }
    const { failure } = outcome;
    const error =
      outcome.kind === 'retry'
        ? new Again(failure.message, outcome.delayMs)
        : new bull.UnrecoverableError(failure.message);
    job
      .updateData({ ...job.data, f: latest(failures, failure) })
      .catch(onError)
      .finally(() => reject(error));
  }

  async function work(
    job: Bull.Job<Envelope>,
    token: string,
    lost: AbortSignal | undefined,
  ): Promise<unknown> {
    const { data } = job;
    // From here on another one of its key is another job.
    if (data.q !== undefined && data.q !== 'drop') await job.removeDeduplicationKey();
    return new Promise((resolve, reject) => {
      const lease: BullLease = {
        id: job.id!,
        type: job.name,
        data: JSON.stringify(data.d),
        carrier: data.c,
        priority: data.p ?? 0,
        addedAt: data.a,
        dueAt: job.timestamp + job.delay,
        schedule: data.s,
        attempt: job.attemptsMade + 1,
        fencingToken: job.attemptsStarted,
        failures: data.f ?? [],
        lost,
        job,
        token,
        resolve,
        reject,
      };
      port.run(lease, settle);
    });
  }

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
  const worker = new bull.Worker<Envelope>(
    name,
    // With three parameters it is given a signal.
    (job, token, signal) => work(job, token ?? '', signal),
    options as unknown as Bull.WorkerOptions,
    backend,
  );
  worker.on('error', onError);
  worker.on('stalled', (id) => port.onNote('lost', name, id));
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id, 'another worker may have the job');
  });
  return worker;
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

function latest(failures: readonly Failure[], failure: Failure): readonly Failure[] {
  return [...failures, failure].slice(-LENGTH_OF_FAILURES);
}
