import express, { type Express } from 'express';
import { exchangeOf, type Middleware } from '@org/core';
import { fakeClock, recordExchanges, serve, type Served } from '@org/core/testing';
import { security } from '@org/security';

const clock = fakeClock();
let served: Served | undefined;
afterEach(async () => {
  await served?.close();
  served = undefined;
});

/** Serves an app that has `made` in front of its routes, on the test's own clock. */
async function start(made: Middleware, routes: (app: Express) => void): Promise<string> {
  const app = express();
  app.use((req, res, next) => {
    exchangeOf(req, res, clock);
    next();
  });
  app.use(made);
  routes(app);
  served = await serve(app);
  return served.url;
}

const slow = (app: Express): void =>
  void app.get('/slow', (_req, res) => {
    clock.advance(250);
    res.json({ done: true });
  });

describe('security', () => {
  it('tells in a header how long the answer took, in ms', async () => {
    const url = await start(security(), slow);
    const answer = await fetch(`${url}/slow`);
    expect(answer.headers.get('X-Response-Time-Ms')).toBe('250');
    expect(await answer.json()).toEqual({ done: true });
  });

  it('uses the header of its options', async () => {
    const url = await start(security({ headerName: 'X-Took-Ms' }), slow);
    const { headers } = await fetch(`${url}/slow`);
    expect(headers.get('X-Took-Ms')).toBe('250');
    expect(headers.has('X-Response-Time-Ms')).toBe(false);
  });

  it('refuses what is no header name, and says what was meant', () => {
    expect(() => security({ headerName: 'not a name' })).toThrow(
      'security: option "headerName" must be a header name, but is "not a name".',
    );
  });

  it('counts what was answered and what was cut off', async () => {
    const made = security();
    const { middleware, waitFor } = recordExchanges();
    const url = await start(made, (app) => {
      app.use(middleware);
      slow(app);
      app.get('/cut', (_req, res) => void res.destroy());
    });
    const { body } = await fetch(`${url}/slow`);
    await body?.cancel();
    await expect(fetch(`${url}/cut`)).rejects.toThrow('fetch failed');
    await waitFor(2);
    expect(made.stats?.()).toEqual({ answeredTotal: 1, abortedTotal: 1 });
  });

  it('lets requests pass untouched once it is closed', async () => {
    const made = security();
    const url = await start(made, slow);
    await made.close?.();
    expect((await fetch(`${url}/slow`)).headers.has('X-Response-Time-Ms')).toBe(false);
  });
});
