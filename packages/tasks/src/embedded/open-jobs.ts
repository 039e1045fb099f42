/** Jobs that are not over, by id and by the key that keeps others of it away; bounded in number and in bytes. */
import type { Dedup } from '../engine.ts';
import { tasksFull } from '../refusals.ts';
import type { StoredJob } from './stored-job.ts';

/** How much may wait. */
export interface OpenJobsLimits {
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
}

/** Jobs that wait, are delayed or at work. */
export class OpenJobs {
  private readonly limits: OpenJobsLimits;
  private readonly byId: Map<string, StoredJob> = new Map();
  private readonly byKey: Map<string, StoredJob> = new Map();
  private bytes: number = 0;

  constructor(limits: OpenJobsLimits) {
    this.limits = limits;
  }

  get size(): number {
    return this.byId.size;
  }

  get(id: string): StoredJob | undefined {
    return this.byId.get(id);
  }

  /** Whether it is this very job that is kept. */
  has(job: StoredJob): boolean {
    return this.byId.get(job.id) === job;
  }

  values(): Iterable<StoredJob> {
    return this.byId.values();
  }

  /** The job that others of the key are the same as. */
  ofKey(type: string, dedup: Dedup): StoredJob | undefined {
    return this.byKey.get(keyOf(type, dedup));
  }

  /** @throws ProblemError `ERR_TASKS_FULL` @param active jobs that wait no more */
  refuseTooMany(data: string, active: number): void {
    const { maxWaiting, maxWaitingBytes } = this.limits;
    if (this.size - active >= maxWaiting) throw tasksFull(`${maxWaiting} jobs`);
    if (this.bytes + data.length > maxWaitingBytes) {
      throw tasksFull(`jobs of ${maxWaitingBytes} bytes`);
    }
  }

  add(job: StoredJob): void {
    this.byId.set(job.id, job);
    this.bytes += job.data.length;
    if (job.dedup === undefined) return;
    const key = keyOf(job.type, job.dedup);
    if (!this.byKey.has(key)) this.byKey.set(key, job);
  }

  /** A job is over, or was never there. */
  delete(job: StoredJob): void {
    if (this.byId.delete(job.id)) this.bytes -= job.data.length;
    this.freeKey(job);
  }

  /** From here on another one of its key is another job. */
  freeKey({ dedup, type, id }: StoredJob): void {
    if (dedup === undefined) return;
    const key = keyOf(type, dedup);
    if (this.byKey.get(key)?.id === id) this.byKey.delete(key);
  }

  replaceData(job: StoredJob, data: string): void {
    this.bytes += data.length - job.data.length;
    job.data = data;
  }
}

function keyOf(type: string, { key }: Dedup): string {
  return `${type}\n${key}`;
}
