/** Stalls of this very thread, which a worker profiles while they last. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { runInThisContext } from 'node:vm';
import { correlation } from '@org/correlation';
import { type Clock, type Exchange, type Fault, FAULT_CHANNEL, systemClock } from '@org/core';
import { type FakeClock, fakeClock, serve } from '@org/core/testing';
import { type CaptureInfo, profiler, type StallEvent } from '@org/profiler';
import express from 'express';

import { ActiveRequests } from '../src/active-requests.ts';
import type { Capture, Stall } from '../src/capture.ts';
import { StallWatch, type StallWatchSettings } from '../src/stall-watch.ts';

const watches: StallWatch[] = [];

afterEach(async () => {
  await Promise.all(watches.splice(0).map((watch) => watch.close()));
});

interface Watched {
  readonly watch: StallWatch;
  readonly stalls: (readonly [Stall, boolean])[];
  /** The next capture that was made. */
  captured(): Promise<Capture>;
}

function watched(given: Partial<StallWatchSettings> = {}): Watched {
  const stalls: (readonly [Stall, boolean])[] = [];
  const captures: Capture[] = [];
  const waiting: ((capture: Capture) => void)[] = [];
  const watch = new StallWatch({
    stallMs: 40,
    stallCooldownMs: 60_000,
    maxStallCapturesPerHour: 6,
    samplingIntervalMs: 1,
    maxDurationMs: 10_000,
    clock: systemClock,
    onStall: (stall, captured) => stalls.push([stall, captured]),
    onCapture(capture) {
      const waiter = waiting.shift();
      if (waiter === undefined) captures.push(capture);
      else waiter(capture);
    },
    ...given,
  });
  watches.push(watch);
  return {
    watch,
    stalls,
    captured: () =>
      new Promise((resolve) => {
        const capture = captures.shift();
        if (capture === undefined) waiting.push(resolve);
        else resolve(capture);
      }),
  };
}

/** What is reported meanwhile. */
async function faultsWhile(work: () => Promise<void>): Promise<Fault[]> {
  const faults: Fault[] = [];
  const hear = (message: unknown): void => void faults.push(message as Fault);
  subscribe(FAULT_CHANNEL, hear);
  await work().finally(() => unsubscribe(FAULT_CHANNEL, hear));
  return faults;
}

/**
 * Blocks this thread until V8 has taken samples of it, which only the worker can bring about; ends
 * in a function that is new, and so not compiled in a way that V8's profiler does not know.
 */
function blockTheLoop(watch: StallWatch, forMs: number = 30): void {
  const giveUpMs = performance.now() + 20_000;
  while (!watch.isSampling) {
    if (performance.now() > giveUpMs) throw new Error('nobody profiles this stall');
  }
  // Longer steps are those of others, who had the processor meanwhile: no samples are taken then.
  runInThisContext(`(function burnTheCpu() {
    let burntMs = 0;
    let lastMs = performance.now();
    while (burntMs < ${forMs}) {
      const nowMs = performance.now();
      if (nowMs - lastMs < 1) burntMs += nowMs - lastMs;
      lastMs = nowMs;
    }
  })()`);
}

/** A clock that a test can set forward between two beats, as a stall does. */
function jumpingClock(): {
  readonly clock: Clock;
  readonly fake: FakeClock;
  /** The time of a stall passes. */
  lose(ms: number): void;
  /** It does, and the loop turns again. */
  stall(ms: number): void;
} {
  const fake = fakeClock();
  let lostMs = 0;
  return {
    fake,
    clock: { ...fake, monotonicMs: () => fake.monotonicMs() + lostMs },
    lose: (ms) => void (lostMs += ms),
    stall(ms) {
      lostMs += ms;
      fake.advance(1000);
    },
  };
}

describe('a stall of the event loop', () => {
  it('is profiled while it lasts, the first one already', async () => {
    const { watch, stalls, captured } = watched();
    watch.start();
    expect(watch.isArmed).toBe(true);
    blockTheLoop(watch);
    const capture = await captured();
    expect(Buffer.from(capture.profile).toString()).toContain('"burnTheCpu"');
    expect(capture).toMatchObject({ kind: 'cpu', cause: 'stall', stall: { requests: [] } });
    // However V8 has compiled it by then.
    expect(capture.stack!.join('\n')).toMatch(/blockTheLoop .*stalls\.test\.ts/);
    expect(capture.stall!.blockedMs).toBeGreaterThanOrEqual(40);
    // The machine may have had stalls of its own.
    expect(stalls).toContainEqual([capture.stall, true]);
    expect(watch.isProfiling).toBe(false);
  });

  it('that outlasts the longest capture is known by its beginning', async () => {
    const { watch, captured } = watched({ maxDurationMs: 20 });
    watch.start();
    blockTheLoop(watch, 300);
    const { stall } = await captured();
    expect(stall!.blockedMs).toBeGreaterThanOrEqual(300);
    expect(watch.isProfiling).toBe(false);
  });

  it('is counted, and no more, while the last capture is too near', async () => {
    const fake = fakeClock();
    const { watch, stalls, captured } = watched({
      clock: { ...systemClock, after: fake.after },
    });
    watch.start();
    blockTheLoop(watch);
    await captured();
    expect(watch.isArmed).toBe(false);
    expect(fake.pending).toBe(1);
    fake.advance(59_999);
    expect(watch.isArmed).toBe(false);
    fake.advance(1);
    expect(watch.isArmed).toBe(true);
    blockTheLoop(watch);
    await captured();
    expect(stalls.filter(([, profiled]) => profiled)).toHaveLength(2);
    expect(watch.stats()).toMatchObject({ capturesTotal: 2, armed: false });
  });

  it('is not profiled where the hour has had its captures', async () => {
    const fake = fakeClock();
    const { watch, captured } = watched({
      clock: { ...systemClock, after: fake.after },
      stallCooldownMs: 0,
      maxStallCapturesPerHour: 1,
    });
    watch.start();
    blockTheLoop(watch);
    await captured();
    expect(watch.isArmed).toBe(false);
    fake.advance(3_500_000);
    expect(watch.isArmed).toBe(false);
    expect(fake.pending).toBe(1);
  });

  it('is not profiled while somebody else profiles', () => {
    const { watch } = watched();
    watch.start();
    watch.pause(true);
    expect(watch.isArmed).toBe(false);
    watch.pause(false);
    expect(watch.isArmed).toBe(true);
  });

  it('is a beat that comes too late, by the clock', () => {
    const { clock, fake, stall } = jumpingClock();
    const { watch, stalls } = watched({ clock, stallMs: 250, maxStallCapturesPerHour: 0 });
    watch.start();
    fake.advance(10_000);
    expect(stalls).toEqual([]);
    stall(199);
    expect(stalls).toEqual([]);
    stall(200);
    stall(3000);
    expect(stalls.map(([{ blockedMs }, captured]) => [blockedMs, captured])).toEqual([
      [250, false],
      [3050, false],
    ]);
    expect(watch.stats()).toEqual({
      armed: false,
      activeRequests: 0,
      stallsTotal: 2,
      blockedMsTotal: 3300,
      longestMs: 3050,
      capturesTotal: 0,
    });
  });

  it('is not what the profiler itself has brought about', () => {
    const { clock, fake, lose } = jumpingClock();
    const { watch, stalls } = watched({ clock, stallMs: 250, maxStallCapturesPerHour: 0 });
    watch.start();
    fake.advance(1000);
    const excuses = [() => watch.excuse(), () => watch.pause(true), () => watch.pause(false)];
    for (const excuse of excuses) {
      lose(3000);
      excuse();
      fake.advance(1000);
    }
    expect(stalls).toEqual([]);
  });

  it('is counted where no worker can be had, and that is a fault and a reason', async () => {
    const faults = await faultsWhile(async () => {
      // No function can be sent to another thread.
      const unsendable = (() => 1) as unknown as number;
      const { watch } = watched({ samplingIntervalMs: unsendable });
      watch.start();
      expect(watch.blind).toContain('could not be cloned');
      expect(watch.isArmed).toBe(false);
    });
    expect(faults).toMatchObject([{ where: 'profiler stall watch' }]);
  });

  it('is counted by a clock that is not the machine’s, which the worker does not know', () => {
    const { clock, stall } = jumpingClock();
    const { watch, stalls } = watched({ clock });
    watch.start();
    expect([watch.isArmed, watch.blind]).toEqual([
      false,
      'the option "clock" is not the machine\'s',
    ]);
    stall(1000);
    expect(stalls).toMatchObject([[{ requests: [] }, false]]);
  });

  it('is profiled again a while after a worker has failed, within the share of the hour', async () => {
    const fake = fakeClock();
    const { watch } = watched({
      clock: { ...systemClock, after: fake.after, monotonicMs: fake.monotonicMs },
      // V8 takes none but numbers.
      samplingIntervalMs: Number.NaN,
      maxStallCapturesPerHour: 2,
    });
    const faults = await faultsWhile(async () => {
      watch.start();
      for (const waitMs of [60_000, 3_540_000]) {
        expect([watch.isArmed, watch.blind]).toEqual([true, undefined]);
        while (!watch.isProfiling);
        while (watch.blind === undefined) await new Promise((resolve) => setImmediate(resolve));
        expect([watch.isArmed, watch.isProfiling]).toEqual([false, false]);
        fake.advance(waitMs - 1);
        expect(watch.isArmed).toBe(false);
        fake.advance(1);
      }
    });
    expect(watch.isArmed).toBe(true);
    expect(faults).toHaveLength(2);
  });

  it('is not looked for any more after close, which leaves nothing behind', async () => {
    const { clock, fake, stall } = jumpingClock();
    const { watch, stalls } = watched({ clock });
    watch.start();
    await watch.close();
    await watch.close();
    expect(fake.pending).toBe(0);
    watch.start();
    stall(1000);
    expect([fake.pending, stalls]).toEqual([0, []]);
  });
});

describe('a stall under requests', () => {
  it('names those that came last, however many streams are open', () => {
    const requests = new ActiveRequests();
    for (let at = 0; at < 3000; at++) {
      const exchange = { id: `r${at}`, startMs: at, durationMs: 0, settled: false };
      requests.follow({ ...exchange, req: { method: 'GET' }, res: {} } as unknown as Exchange);
    }
    expect(requests.size).toBe(2000);
    const named = requests.named();
    expect([named.length, named[0]!.id, named.at(-1)!.id]).toEqual([100, 'r2999', 'r2900']);
  });

  it('names those that were under way, with their traces', async () => {
    const events: StallEvent[] = [];
    const made = profiler({
      stallMs: 40,
      // A stall of the machine's own must not leave this one without a capture.
      stallCooldownMs: 0,
      maxStallCapturesPerHour: 1000,
      onEvent: (event) => event.type === 'stall' && events.push(event),
    });
    const isOfBlocks = ({ stall }: CaptureInfo): boolean =>
      stall?.requests.some(({ route }) => route === '/blocks') === true;
    const app = express();
    app.use(correlation());
    app.use(made);
    let letGo = (): void => undefined;
    app.get('/waits/:id', (_req, res) => {
      letGo = () => void res.send('waited');
    });
    app.get('/blocks', (_req, res) => {
      const giveUpMs = performance.now() + 2000;
      while (made.stats()['running'] !== 'stall' && performance.now() < giveUpMs);
      const untilMs = performance.now() + 30;
      while (performance.now() < untilMs);
      res.send('blocked');
    });
    app.get('/before', (_req, res) => void res.send('before'));
    const { url, close } = await serve(app);
    try {
      await fetch(`${url}/before`);
      const waits = fetch(`${url}/waits/7`);
      while ((made.stats()['stalls'] as { activeRequests: number }).activeRequests === 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      const ids: (string | null)[] = [];
      while (!made.captures().some(isOfBlocks)) {
        const blocks = await fetch(`${url}/blocks`);
        ids.push(blocks.headers.get('x-request-id'));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      letGo();
      await waits;
      const capture = made.captures().find(isOfBlocks);
      expect(capture).toMatchObject({ cause: 'stall' });
      expect(events).toContainEqual({ type: 'stall', captured: true, stall: capture!.stall });
      const requests = capture!.stall!.requests;
      const named = new Map(requests.map((one) => [one.route, one]));
      expect(named.get('/blocks')).toMatchObject({
        traceId: expect.stringMatching(/^[\da-f]{32}$/) as string,
        method: 'GET',
      });
      expect(ids).toContain(named.get('/blocks')!.id);
      expect(named.get('/waits/:id')).toMatchObject({ settled: false });
      expect(made.health().status).toBe('warn');
      const listed = (await (await fetch(`${url}/api/middleware/profiler/captures`)).json()) as {
        captures: CaptureInfo[];
      };
      expect(listed.captures).toContainEqual(capture);
    } finally {
      await close();
      await made.close();
    }
  });
});
