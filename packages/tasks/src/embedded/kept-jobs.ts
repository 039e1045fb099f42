/** Jobs that are over, the latest of them: completed ones for whoever asks, dead ones for whoever repairs. */
import type { StoredJob } from './stored-job.ts';

/** A bounded list by id; the oldest goes first. */
export class KeptJobs {
  private readonly jobs: Map<string, StoredJob> = new Map();
  private readonly limit: number;
  private readonly onEvict: (job: StoredJob) => void;

  constructor(limit: number, onEvict: (job: StoredJob) => void) {
    this.limit = limit;
    this.onEvict = onEvict;
  }

  add(job: StoredJob): void {
    if (this.limit === 0) {
      this.onEvict(job);
      return;
    }
    this.jobs.set(job.id, job);
    if (this.jobs.size <= this.limit) return;
    const [oldest] = this.jobs.values();
    this.jobs.delete(oldest!.id);
    this.onEvict(oldest!);
  }

  get(id: string): StoredJob | undefined {
    return this.jobs.get(id);
  }

  /** Takes one out. */
  take(id: string): StoredJob | undefined {
    const job = this.jobs.get(id);
    if (job !== undefined) this.jobs.delete(id);
    return job;
  }

  /** The oldest first. */
  values(): Iterable<StoredJob> {
    return this.jobs.values();
  }
}
