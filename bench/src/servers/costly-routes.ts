/** A read that costs something: it waits for somebody else, and then has work of its own. */
import { createHash } from 'node:crypto';
import type { Express } from 'express';
import { ANSWER } from './routes.ts';

/** What a query takes, in ms. */
const WAIT_MS = 5;
/** About a millisecond of work. */
const ROUNDS = 700;

export function addCostlyRoute(app: Express): void {
  app.disable('x-powered-by');
  app.get('/', async (_req, res) => {
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    let digest = '';
    for (let round = 0; round < ROUNDS; round++) {
      digest = createHash('sha256').update(digest).digest('hex');
    }
    res.json({ ...ANSWER, digest });
  });
}
