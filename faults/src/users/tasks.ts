/** Jobs that one process adds and another one works on, through BullMQ: what was accepted is done. */
import { bullmq, type Tasks, tasks } from '@org/tasks';
import express from 'express';

import { ask, type Service, serve } from '../service.ts';
import { until } from '../until.ts';
import type { Subject, Surroundings, User } from '../user.ts';

export const tasksUser: User = {
  name: 'tasks',
  policy: 'loses no job that it has accepted',
  limitMs: 90,
  async start({ address }: Surroundings): Promise<Subject> {
    const effects = new Effects();
    const web = await webOf(address);
    const worker = await workerOf(address, effects);
    const accepted = new Set<string>();
    let jobs = 0;

    async function add(id: string): Promise<number> {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ id });
      const { status } = await ask(`${web.url}/jobs`, { method: 'POST', headers, body });
      if (status === 202) accepted.add(id);
      return status;
    }

    return {
      stores: [],
      allowed: new Set([202, 503]),
      ask: () => add(`job-${++jobs}`),
      async isShared() {
        const id = `job-${++jobs}`;
        return (await add(id)) === 202 && until(() => effects.has(id), 1000);
      },
      async during({ isAway }, findings) {
        if (!isAway) return;
        const status = await add('during');
        findings.claim(status === 503, `refuses a job that it cannot keep, not ${status}`);
      },
      async after({ remembers }, findings) {
        const isDone = (): boolean => [...accepted].every((id) => effects.has(id));
        // What is neither done nor kept any more is lost.
        await until(async () => isDone() || (await isEmpty(worker)), 45_000);
        const lost = [...accepted].filter((id) => !effects.has(id)).length;
        findings.claim(!remembers || lost === 0, `${lost} accepted jobs were never done`);
        findings.note(
          `${accepted.size} accepted: ${lost} lost, ${effects.again} handed out again, ${effects.stale} refused by their token`,
        );
      },
      async close() {
        await web.close();
        await worker.close(AbortSignal.timeout(5000));
      },
    };
  },
};

/** What jobs have changed; it remembers the greatest token of each, and refuses lesser ones. */
class Effects {
  again: number = 0;
  stale: number = 0;
  private readonly tokens: Map<string, number> = new Map();

  has(id: string): boolean {
    return this.tokens.has(id);
  }

  take(id: string, token: number): void {
    const greatest = this.tokens.get(id);
    if (greatest !== undefined) this.again++;
    if (greatest !== undefined && token <= greatest) this.stale++;
    else this.tokens.set(id, token);
  }
}

/** A start that took too long, because the machine does much else, may be tried again. */
async function started(jobs: Tasks): Promise<void> {
  await until(() =>
    jobs.start().then(
      () => true,
      () => false,
    ),
  );
}

/** Nothing is left to do, as the server says. */
async function isEmpty(jobs: Tasks): Promise<boolean> {
  const { status } = await jobs.health();
  const { waiting, delayed, active } = jobs.stats();
  return status !== 'fail' && Number(waiting) + Number(delayed) + Number(active) === 0;
}

async function webOf(address: Surroundings['address']): Promise<Service> {
  const jobs = tasks({ works: false, engine: engineOf(address) });
  const task = jobs.define<{ id: string }>('work', { handler: () => undefined });
  await started(jobs);
  return serve(
    (app) => {
      app.use(express.json());
      app.post('/jobs', async (req, res) => {
        const { id } = req.body as { id: string };
        await task.add({ id }, { id });
        res.status(202).json({ id });
      });
    },
    [jobs],
  );
}

async function workerOf(address: Surroundings['address'], effects: Effects): Promise<Tasks> {
  const jobs = tasks({ engine: engineOf(address) });
  jobs.define<{ id: string }>('work', {
    concurrency: 20,
    handler: ({ data, fencingToken }) => effects.take(data.id, fencingToken),
  });
  await started(jobs);
  return jobs;
}

function engineOf({ url, nodes, cluster, timeoutMs: addTimeoutMs }: Surroundings['address']) {
  return bullmq({ url, nodes, cluster, addTimeoutMs, lockMs: 5000 });
}
