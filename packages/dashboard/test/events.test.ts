import { type Component, defineMiddleware } from '@org/core';
import { type FakeClock, fakeClock, serve, type Served } from '@org/core/testing';
import { setup } from '@org/setup';
import express from 'express';
import { setImmediate as turn } from 'node:timers/promises';

import { type Dashboard, dashboard, type DashboardOptions } from '@org/dashboard';
import { everything, standIn, wholeOf } from './stand-ins.ts';
import { openTab, type Tab } from './tab.ts';

const clean: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const step of clean.splice(0).toReversed()) await step();
});

interface Made {
  readonly made: Dashboard;
  readonly clock: FakeClock;
  readonly host: ReturnType<typeof wholeOf>;
  readonly served: Served;
  tab(headers?: Record<string, string>): Promise<Tab>;
}

async function make(
  options: Partial<DashboardOptions> = {},
  components: readonly Component[] = everything(() => 1000),
): Promise<Made> {
  const clock = fakeClock();
  const made = dashboard({ clock, ...options });
  const host = wholeOf(components);
  made.attach?.(host);
  const served = await serve(express().use(made));
  clean.push(() => served.close());
  clean.push(() => made.close());
  return {
    made,
    clock,
    host,
    served,
    async tab(headers) {
      const tab = await openTab(`${served.url}/dashboard/events`, headers);
      clean.push(() => tab.close());
      return tab;
    },
  };
}

/** Waits for what the event loop has to do first. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

const gauge = (value: () => number): Component =>
  standIn('queue', () => ({ inflight: value(), queued: 0 }));

describe('the stream', () => {
  it('begins with the past and the present, and is never stored, coded or held back', async () => {
    const { tab, clock } = await make();
    const { next, response } = await tab();
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    const history = await next();
    expect(history.event).toBe('history');
    expect(history.data).toMatchObject({ isMore: false, at: [clock.now()] });
    const state = await next();
    expect(state.event).toBe('state');
    expect(state.data).toMatchObject({ at: clock.now(), intervalMs: 1000, state: 'ready' });
    expect(state.data.panels.length).toBe(18);
  });

  it('goes on with a state at every interval', async () => {
    let value = 1;
    const { tab, clock } = await make({}, [gauge(() => value)]);
    const { next } = await tab();
    await next();
    await next();
    for (value of [7, 9]) {
      clock.advance(1000);
      const { data } = await next();
      const panel = data.panels.find(({ id }: { id: string }) => id === 'queue');
      expect(panel.charts[0].series[0]).toEqual({
        key: 'queue.inflight',
        label: 'Running',
        value,
      });
    }
  });

  it('reads the components once for all tabs', async () => {
    let reads = 0;
    const counted = standIn('queue', () => ({ inflight: ++reads }));
    const { tab, clock, made } = await make({}, [counted]);
    const tabs = [await tab(), await tab(), await tab()];
    for (const { next } of tabs) {
      await next();
      await next();
    }
    expect(reads).toBe(1);
    clock.advance(1000);
    const states = await Promise.all(tabs.map(({ next }) => next()));
    expect(reads).toBe(2);
    expect(new Set(states.map(({ id }) => id)).size).toBe(1);
    expect(made.stats()).toMatchObject({ tabs: 3, eventsTotal: 6, skippedTotal: 0 });
    expect(made.stats().bytesTotal).toBeGreaterThan(0);
  });

  it('samples often while somebody watches, seldom while nobody does, and then not at all', async () => {
    let reads = 0;
    const counted = standIn('queue', () => ({ inflight: ++reads }));
    const { tab, clock, made } = await make({}, [counted]);
    made.start();
    clock.advance(30_000);
    expect(reads).toBe(3);
    const { close, next } = await tab();
    // The last sample is of now: it will do.
    await next();
    expect(reads).toBe(3);
    clock.advance(3000);
    expect(reads).toBe(6);
    close();
    await until(() => made.stats()['tabs'] === 0);
    clock.advance(30_000);
    expect(reads).toBe(9);
    made.close();
    expect(clock.pending).toBe(0);
  });

  it('takes no sample while nobody watches where none is wanted', async () => {
    const { made, clock, tab } = await make({ idleIntervalMs: 0 });
    made.start();
    expect(clock.pending).toBe(0);
    const { close } = await tab();
    expect(clock.pending).toBe(1);
    close();
    await until(() => clock.pending === 0);
  });

  it('shows a new tab what was, and one that comes back what it missed', async () => {
    let value = 0;
    const { tab, clock, made } = await make({ historyMs: 60_000 }, [gauge(() => value)]);
    made.start();
    for (value of [1, 2, 3]) clock.advance(10_000);
    const first = await tab();
    const { data } = await first.next();
    expect(data.series['queue.inflight']).toEqual([1, 2, 3]);
    const { id } = await first.next();
    for (value of [4, 5]) clock.advance(1000);
    const back = await tab({ 'last-event-id': id! });
    const missed = await back.next();
    expect(missed.data.isMore).toBe(true);
    expect(missed.data.series['queue.inflight']).toEqual([4, 5]);
    const stranger = await tab({ 'last-event-id': id!.replace(/^.+\//, 'elsewhere:1/') });
    expect((await stranger.next()).data).toMatchObject({ isMore: false, at: { length: 5 } });
  });

  it('forgets what is older than its history, and is bounded', async () => {
    let value = 0;
    const { tab, clock } = await make({ historyMs: 10_000 }, [gauge(() => value)]);
    const first = await tab();
    await first.next();
    for (value = 1; value <= 500; value++) clock.advance(1000);
    const { data } = await (await tab()).next();
    expect(data.series['queue.inflight']).toEqual([
      490, 491, 492, 493, 494, 495, 496, 497, 498, 499, 500,
    ]);
  });
});

describe('a slow tab', () => {
  it('is passed over, never queued for, holds up nobody, and is let go after a minute', async () => {
    const { tab, clock, made } = await make();
    const slow = await tab();
    await slow.next();
    slow.pause();
    const fast = await tab();
    await fast.next();
    await fast.next();
    let taken = 0;
    // Until the kernel's buffers are full; a state has some 10 kB.
    while (made.stats()['skippedTotal'] === 0) {
      clock.advance(1000);
      await fast.next();
      taken++;
      expect(taken).toBeLessThan(20_000);
    }
    const bytesBefore = Number(made.stats()['bytesTotal']);
    const eventsBefore = Number(made.stats()['eventsTotal']);
    for (let tick = 0; tick < 10; tick++) {
      clock.advance(1000);
      await fast.next();
    }
    // The fast one has had ten; for the slow one nothing was even written.
    expect(Number(made.stats()['eventsTotal']) - eventsBefore).toBe(10);
    expect(Number(made.stats()['bytesTotal']) - bytesBefore).toBeLessThan(10 * 30_000);
    expect(made.stats()['tabs']).toBe(2);
    for (let tick = 0; tick < 60; tick++) {
      clock.advance(1000);
      await fast.next();
    }
    await until(() => made.stats()['tabs'] === 1);
  });
});

describe('a place for a tab', () => {
  it('is refused where all are taken, until one is free', async () => {
    const { tab, made } = await make({ maxTabs: 1 });
    const first = await tab();
    await first.next();
    const second = await tab();
    expect(second.response.statusCode).toBe(503);
    expect(second.response.headers).toMatchObject({
      'retry-after': '10',
      'content-type': 'application/problem+json',
    });
    first.close();
    await until(() => made.stats()['tabs'] === 0);
    expect((await tab()).response.statusCode).toBe(200);
  });

  it('is not taken by another site, nor by who only asks', async () => {
    const { tab, made, served } = await make();
    const other = await tab({ 'sec-fetch-site': 'cross-site' });
    expect(other.response.statusCode).toBe(403);
    const asked = await fetch(`${served.url}/dashboard/events`, { method: 'HEAD' });
    expect(asked.status).toBe(200);
    expect(made.stats()['tabs']).toBe(0);
    expect((await tab({ 'sec-fetch-site': 'same-origin' })).response.statusCode).toBe(200);
  });
});

describe('the end of the service', () => {
  it('ends every tab with a word the moment the whole drains, and lets no new one in', async () => {
    const { tab, host } = await make();
    const { next, ended } = await tab();
    await next();
    await next();
    host.drain();
    expect((await next()).event).toBe('end');
    expect(await ended).toBe(true);
    expect((await tab()).response.statusCode).toBe(503);
  });

  it('ends them when the dashboard is closed, which passes everything on from then on', async () => {
    const { tab, made, served, clock } = await make();
    const { next, ended } = await tab();
    await next();
    await next();
    made.close();
    expect((await next()).event).toBe('end');
    expect(await ended).toBe(true);
    expect(clock.pending).toBe(0);
    expect((await fetch(`${served.url}/dashboard`)).status).toBe(404);
  });

  it('does not hold up a stack that closes', async () => {
    const app = express();
    const stack = setup(app, [dashboard({ intervalMs: 250 })]);
    const server = await stack.listen(0);
    const { port } = server.address() as { port: number };
    const { next, ended } = await openTab(`http://127.0.0.1:${port}/dashboard/events`);
    await next();
    const closed = stack.close();
    expect(await ended).toBe(true);
    expect((await closed).hung).toEqual([]);
  });
});

describe('under setup', () => {
  it('shows the components of the whole and its traffic', async () => {
    const app = express();
    const worker = defineMiddleware({
      name: 'worker',
      phase: 'observe',
      step: () => undefined,
      stats: () => ({ doneTotal: 5 }),
    });
    const stack = setup(app, [worker, dashboard()]);
    clean.push(() => stack.close());
    const server = await stack.listen(0);
    const { port } = server.address() as { port: number };
    await fetch(`http://127.0.0.1:${port}/`);
    const { next, close } = await openTab(`http://127.0.0.1:${port}/dashboard/events`);
    clean.push(close);
    await next();
    const { data } = await next();
    const panel = (id: string) => data.panels.find((one: { id: string }) => one.id === id);
    expect(panel('pipeline').waterfall).toContainEqual({
      name: 'worker',
      phase: 'observe',
      calls: 1,
      errors: 0,
    });
    expect(panel('others').tables[0]).toMatchObject({
      caption: 'worker',
      rows: [{ cells: ['doneTotal', 5] }],
    });
  });

  it('alone, shows the components that it is given', async () => {
    const made = dashboard({ components: [standIn('mine', { doneTotal: 3 })] });
    const { url, close } = await serve(express().use(made));
    clean.push(close, () => made.close());
    const { next, close: leave } = await openTab(`${url}/dashboard/events`);
    clean.push(leave);
    await next();
    const { data } = await next();
    expect(data.panels.at(-1).tables[0].caption).toBe('mine');
  });
});
