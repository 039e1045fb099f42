/**
 * Two kinds of work to be overloaded with: `/waits` for 10 ms on one of 20 slots, as a query on a
 * pool of connections does, and `/computes` for 2 ms of processor time.
 */
import type { Express } from 'express';
import { ANSWER } from './routes.ts';

/** Slots of the pool. */
export const SLOTS = 20;
const SLOT_MS = 10;
const COMPUTE_MS = 2;

export function addWork(app: Express): void {
  app.disable('x-powered-by');
  const waiting: (() => void)[] = [];
  let first = 0;
  let busy = 0;

  const work = async (): Promise<void> => {
    if (busy >= SLOTS) await new Promise<void>((resolve) => waiting.push(resolve));
    else busy++;
    await new Promise((resolve) => setTimeout(resolve, SLOT_MS));
    const next = waiting[first];
    if (next === undefined) {
      busy--;
      waiting.length = first = 0;
    } else {
      // A slot goes on from hand to hand.
      first++;
      next();
    }
  };

  app.get('/waits', async (_req, res) => {
    await work();
    res.json(ANSWER);
  });
  app.get('/computes', (_req, res) => {
    const until = performance.now() + COMPUTE_MS;
    while (performance.now() < until);
    res.json(ANSWER);
  });
}
