/** Jobs that are over, as long as they are kept: completed ones, and those that failed for good. */
import type { JobView } from '../engine.ts';
import { jobDead, jobUnknown } from '../refusals.ts';
import { KeptJobs } from './kept-jobs.ts';
import type { Lane } from './lane.ts';
import { parseResult, type StoredJob } from './stored-job.ts';

/** What they are kept by. */
export interface EndedJobsSettings {
  readonly keepCompleted: number;
  readonly maxDead: number;
  /** Where the dead of a type are counted. */
  readonly lane: (type: string) => Lane;
  /** A dead job had to go, so that a newer one has room. */
  readonly onEvict: (job: StoredJob) => void;
}

export class EndedJobs {
  private readonly settings: EndedJobsSettings;
  private readonly completed: KeptJobs;
  private readonly dead: KeptJobs;

  constructor(settings: EndedJobsSettings) {
    this.settings = settings;
    this.completed = new KeptJobs(settings.keepCompleted, () => undefined);
    this.dead = new KeptJobs(settings.maxDead, (job) => {
      settings.lane(job.type).dead--;
      settings.onEvict(job);
    });
  }

  /** Keeps one that is completed or dead. */
  add(job: StoredJob): void {
    if (job.state === 'completed') {
      this.completed.add(job);
    } else {
      this.settings.lane(job.type).dead++;
      this.dead.add(job);
    }
  }

  get(id: string): StoredJob | undefined {
    return this.completed.get(id) ?? this.dead.get(id);
  }

  /** What came of one. Rejects with `ERR_TASKS_DEAD` or `ERR_TASKS_UNKNOWN`. */
  result(id: string): Promise<unknown> {
    const completed = this.completed.get(id);
    if (completed !== undefined) return Promise.resolve(parseResult(completed.result));
    const dead = this.dead.get(id);
    return Promise.reject(dead === undefined ? jobUnknown(id) : deadOf(dead));
  }

  /** Takes out one that is dead. */
  takeDead(id: string): StoredJob | undefined {
    const job = this.dead.take(id);
    if (job !== undefined) this.settings.lane(job.type).dead--;
    return job;
  }

  /** The dead, the newest first. */
  listDead(type: string | undefined, limit: number): readonly JobView[] {
    return [...this.dead.values()]
      .filter((job) => type === undefined || job.type === type)
      .slice(-limit)
      .toReversed()
      .map((job) => job.view());
  }

  /** All of them, completed ones first. */
  values(): readonly StoredJob[] {
    return [...this.completed.values(), ...this.dead.values()];
  }
}

/** What those who wait for a dead job are told. */
export function deadOf(job: StoredJob): Error {
  return jobDead(job.id, job.failures.at(-1)?.message ?? 'for no known reason');
}
