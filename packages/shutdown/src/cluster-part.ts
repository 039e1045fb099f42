/**
 * A process's part in a `cluster`. A worker that leaves says so to the primary, which
 * then neither takes it for a crash nor hands it connections. The primary lets its
 * workers end first: without it they would be cut off.
 */
import cluster, { type Worker } from 'node:cluster';
import { type Clock, within } from '@org/core';

/** Leaves the primary, if there is one. Resolves when it knows, or after `budgetMs`. */
export async function leavePrimary(budgetMs: number, clock: Clock): Promise<void> {
  const { worker } = cluster;
  if (!cluster.isWorker || worker === undefined || !worker.isConnected()) return;
  await within(budgetMs, clock, () => {
    const left = new Promise<void>((resolve) => {
      worker.once('disconnect', resolve);
    });
    worker.disconnect();
    return left;
  });
}

/** Sends a primary's workers `signal`, which may have reached the primary only, and waits for them to end. */
export async function endWorkers(
  signal: NodeJS.Signals,
  budgetMs: number,
  clock: Clock,
): Promise<boolean> {
  const workers = cluster.isPrimary ? Object.values(cluster.workers ?? {}) : [];
  const alive = workers.filter((one) => one !== undefined && !one.isDead()) as Worker[];
  if (alive.length === 0) return true;
  const ended = await within(budgetMs, clock, () =>
    Promise.all(
      alive.map((worker) => {
        const end = new Promise<void>((resolve) => {
          worker.once('exit', () => resolve());
        });
        worker.process.kill(signal);
        return end;
      }),
    ),
  );
  if (!ended) for (const worker of alive) worker.process.kill('SIGKILL');
  return ended;
}
