/** Jobs that failed for good, for whoever repairs: what there are and why, and what becomes of them. */
import type { Engine, JobView } from './engine.ts';
import { tasksClosed } from './refusals.ts';

/** Jobs that failed for good. */
export interface DeadJobs {
  /** The newest first. @param given of which task, and how many. @default all, 100 */
  list(given?: { readonly task?: string; readonly limit?: number }): Promise<readonly JobView[]>;
  /** Has one tried again, with all its attempts. Says whether there was one. @throws ProblemError `ERR_TASKS_CLOSED` */
  replay(id: string): Promise<boolean>;
  /** The same for all of a task; answers how many. */
  replayAll(task: string): Promise<number>;
  /** Forgets one. Says whether there was one. */
  discard(id: string): Promise<boolean>;
}

/** What they are found with. */
export interface DeadJobsSettings {
  readonly engine: Engine;
  readonly maxDead: number;
  /** Brings the engine up. */
  readonly begin: () => Promise<void>;
  readonly isClosed: () => boolean;
}

/** Makes the desk for dead jobs. */
export function deadJobs({ engine, maxDead, begin, isClosed }: DeadJobsSettings): DeadJobs {
  const dead: DeadJobs = {
    async list({ task, limit = 100 } = {}) {
      await begin();
      return engine.dead(task, limit);
    },
    async replay(id) {
      if (isClosed()) throw tasksClosed();
      await begin();
      return engine.replay(id);
    },
    async replayAll(task) {
      let replayed = 0;
      for (const { id } of await dead.list({ task, limit: maxDead })) {
        if (await dead.replay(id)) replayed++;
      }
      return replayed;
    },
    async discard(id) {
      await begin();
      return engine.discard(id);
    },
  };
  return dead;
}

/** Characters of data that are shown. */
const SHOWN_DATA = 500;

/** A dead job as operators see it: its data may be large. */
export function shownDead(job: JobView): object {
  const data = JSON.stringify(job.data);
  if (data.length <= SHOWN_DATA) return job;
  const { data: _, ...rest } = job;
  return { ...rest, dataExcerpt: data.slice(0, SHOWN_DATA) };
}
