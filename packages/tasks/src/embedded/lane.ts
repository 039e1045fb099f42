/**
 * Jobs of one type that may begin, by priority and age. A step of priority is worth `ageingMs` of
 * waiting: a job ranks by when it came, and a more urgent one as if it had come that much earlier.
 * So the rank never changes, the order costs O(log n), and nothing waits for ever: whatever has
 * waited long enough is ahead of all that comes after it.
 */
import { Heap } from '../heap.ts';
import type { StoredJob } from './stored-job.ts';

/** One type's line. */
export class Lane {
  readonly name: string;
  /** Jobs at once; none before the type is known. */
  slots: number = 0;
  active: number = 0;
  delayed: number = 0;
  dead: number = 0;
  private readonly waitingJobs: Heap<StoredJob> = new Heap<StoredJob>();
  private readonly ageingMs: number;
  private arrivals: number = 0;

  constructor(name: string, ageingMs: number) {
    this.name = name;
    this.ageingMs = ageingMs;
  }

  get waiting(): number {
    return this.waitingJobs.size;
  }

  /** Whether one of its jobs can begin. */
  get isReady(): boolean {
    return this.active < this.slots && this.waitingJobs.size > 0;
  }

  /** @param nowMs monotonic: a wall clock that is set back must not put the new before the old */
  push(job: StoredJob, nowMs: number): void {
    job.sequence = ++this.arrivals;
    job.rank = nowMs - job.priority * this.ageingMs;
    this.waitingJobs.push(job);
  }

  pop(): StoredJob | undefined {
    return this.waitingJobs.pop();
  }

  delete(job: StoredJob): boolean {
    return this.waitingJobs.delete(job);
  }
}
