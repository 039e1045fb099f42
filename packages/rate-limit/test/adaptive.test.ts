/** Limits that give way. */
import diagnostics from 'node:diagnostics_channel';
import express from 'express';
import { FAULT_CHANNEL } from '@org/core';
import { fakeClock, serve } from '@org/core/testing';
import { rateLimit, type RateLimitEvent } from '@org/rate-limit';

import { Adaptive } from '../src/adaptive.ts';
import { loadOf } from '../src/own-load.ts';

test('limits are lowered by a fifth while the service suffers, to a least share, and come back', () => {
  const clock = fakeClock();
  let load = 2;
  const ratios: number[] = [];
  const adaptive = new Adaptive({ load: () => load, minRatio: 0.5 }, clock, (ratio) =>
    ratios.push(ratio),
  );
  const after = (ms: number): void => {
    clock.advance(ms);
    adaptive.look(clock.monotonicMs());
  };
  after(999);
  expect(adaptive.ratio).toBe(1);
  after(1);
  for (let at = 0; at < 5; at++) after(1000);
  expect(ratios.map((ratio) => Number(ratio.toFixed(3)))).toEqual([0.8, 0.64, 0.512, 0.5]);
  load = 0.9;
  after(1000);
  expect(adaptive.ratio).toBe(0.5);
  load = 0.5;
  after(1000);
  expect(adaptive.ratio).toBeCloseTo(0.55);
  // Nobody came for a while: that time counts.
  after(60_000);
  expect(adaptive.ratio).toBe(1);
  adaptive.close();
});

test('a load that cannot be told moves nothing, and is reported', () => {
  const faults: unknown[] = [];
  const listener = (fault: unknown): void => void faults.push(fault);
  diagnostics.subscribe(FAULT_CHANNEL, listener);
  const clock = fakeClock();
  const adaptive = new Adaptive(
    {
      load() {
        throw new Error('no load');
      },
    },
    clock,
    () => undefined,
  );
  clock.advance(1000);
  adaptive.look(clock.monotonicMs());
  diagnostics.unsubscribe(FAULT_CHANNEL, listener);
  expect(adaptive.ratio).toBe(1);
  expect(faults).toMatchObject([{ error: { message: 'no load' }, where: 'rate-limit load' }]);
});

test('a late loop suffers only if it is busy, too', () => {
  expect(loadOf(100, 0.95, 50).ratio).toBe(2);
  expect(loadOf(100, 0.5, 50).ratio).toBe(1);
  expect(loadOf(10, 0.95, 50).ratio).toBe(0.2);
  expect(loadOf(87.4, 0.934, 50).reason).toBe(
    'the event loop is 87 ms late and 93% busy (at most 50 ms)',
  );
});

test('a limiter tells what it has done and why, and refuses with 503 whom it would have let in', async () => {
  const clock = fakeClock();
  const events: RateLimitEvent[] = [];
  let load = 0;
  const made = rateLimit({
    limit: 10,
    clock,
    adaptive: { load: () => load },
    onEvent: (event) => events.push(event),
  });
  const app = express();
  app.use(made);
  app.get('/', (_req, res) => void res.send('fine'));
  const { url, close } = await serve(app);
  try {
    expect((await fetch(url)).headers.get('ratelimit-policy')).toBe('"default";q=10;w=60');
    load = 1.5;
    clock.advance(1000);
    const lowered = await fetch(url);
    expect(lowered.headers.get('ratelimit-policy')).toBe('"default";q=8;w=60');
    expect(lowered.headers.get('ratelimit')).toMatch(/^"default";r=6;/);
    expect(events).toEqual([
      { type: 'adapted', ratio: 0.8, before: 1, reason: 'the load is 1.5 of what can be carried' },
    ]);
    expect(made.stats!()).toMatchObject({
      limitRatio: 0.8,
      limitReason: 'the load is 1.5 of what can be carried',
      loweredTotal: 1,
    });
    expect(await made.health!(AbortSignal.timeout(1000))).toEqual({
      status: 'warn',
      detail: 'limits are at 80%: the load is 1.5 of what can be carried',
    });
    await made.consume('127.0.0.1', { units: 6 });
    const refused = await fetch(url);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('59');
    expect(await refused.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      code: 'ERR_RATE_LIMIT_REDUCED',
      'violated-policies': ['default'],
    });
    load = 0;
    clock.advance(4000);
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url)).status).toBe(200);
    // Nor would the whole limit have been enough.
    const used = await fetch(url);
    expect([used.status, (await problem(used))['code']]).toEqual([429, 'ERR_RATE_LIMITED']);
  } finally {
    await close();
    await made.close!();
  }
});

test('by default it goes by its own event loop, and leaves no handle', async () => {
  const made = rateLimit({ adaptive: true });
  expect((await made.consume('a')).allowed).toBe(true);
  expect(made.stats!()).toMatchObject({ limitRatio: 1, limitReason: 'nothing has been lowered' });
  await made.close!();
  await made.close!();
});

/** The document of a refusal. */
async function problem(answer: globalThis.Response): Promise<Record<string, unknown>> {
  return (await answer.json()) as Record<string, unknown>;
}
