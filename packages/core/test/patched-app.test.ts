/** What somebody has patched on an app's own response before the tap comes to it. */
import { defineStages, exchangeOf, tapApplication } from '@org/core';
import { serve } from '@org/core/testing';
import express, { type Express, type Response } from 'express';

const stages = defineStages({
  transform: (value) => ({ staged: value }),
  head: (head) => head.set('X-Staged', 'yes'),
});

/** Wraps each of its methods, as libraries do, and notes the calls. */
function patch(app: Express, calls: string[]): void {
  for (const name of ['json', 'writeHead', 'write', 'end'] as const) {
    const below = app.response[name] as (...args: unknown[]) => unknown;
    Object.assign(app.response, {
      [name](this: Response, ...args: unknown[]) {
        calls.push(name);
        return below.apply(this, args);
      },
    });
  }
}

test.each([
  ['by the app', (app: Express) => tapApplication(app)],
  ['by its first response', () => undefined],
])('stays in force below the stages: tapped %s', async (_how, tap) => {
  const calls: string[] = [];
  const app = express();
  patch(app, calls);
  tap(app);
  app.use((req, res, next) => {
    exchangeOf(req, res).tap(stages);
    next();
  });
  app.get('/json', (_req, res) => void res.json(1));
  app.get('/parts', (_req, res) => {
    res.write('a');
    res.end();
  });
  const { url, close } = await serve(app);
  const json = await fetch(`${url}/json`);
  expect([await json.json(), json.headers.get('x-staged')]).toEqual([{ staged: 1 }, 'yes']);
  expect(calls).toEqual(['json', 'end', 'writeHead']);
  calls.length = 0;
  const parts = await fetch(`${url}/parts`);
  expect([await parts.text(), parts.headers.get('x-staged')]).toEqual(['a', 'yes']);
  expect(calls.toSorted()).toEqual(['end', 'write', 'writeHead']);
  await close();
});
