/** Captures on demand, through a real server: V8 profiles, the clock is the test's. */
import { runInThisContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { type FakeClock, fakeClock, serve, type Served } from '@org/core/testing';
import { profiler, type Profiler, type ProfilerEvent, type ProfilerOptions } from '@org/profiler';
import { setup } from '@org/setup';
import { timeout } from '@org/timeout';
import express from 'express';
import { Profile } from 'pprof-format';

import type { V8CpuProfile, V8HeapProfile } from '../src/v8-profile.ts';
import { faultOf } from './well-formed.ts';

const BASE = '/api/middleware/profiler';
/** A caller from elsewhere. */
const STRANGER = { 'x-forwarded-for': '203.0.113.9' };
const TOKEN = 'a-token-of-some-length';

let clock: FakeClock;
let made: Profiler;
let served: Served;
let events: ProfilerEvent[];

/** Makes a profiler and serves it by `app.use`. */
async function start(options: Partial<ProfilerOptions> = {}): Promise<void> {
  clock = fakeClock();
  events = [];
  made = profiler({
    clock,
    stallMs: false,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const app = express();
  app.use(made);
  app.get('/fine', (_req, res) => void res.send('fine'));
  app.use(problems);
  served = await serve(app);
}

/** Answers errors with their code, as any app of this house. */
const problems: express.ErrorRequestHandler = (error, _req, res, next) => {
  const { status, code, headers } = error as {
    status: number;
    code: string;
    headers?: Record<string, string>;
  };
  if (res.headersSent) next(error);
  else
    res
      .status(status)
      .set(headers ?? {})
      .json({ code, detail: (error as Error).message });
};

afterEach(async () => {
  await made.close();
  await served.close();
});

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${served.url}${BASE}${path}`, init);

/** Lets a capture get under way; resolves when V8 is sampling. */
async function sampling(): Promise<void> {
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
}

let burns = 0;

/**
 * Work that a profile cannot miss: V8 has time for samples, and the function is a new one each
 * time, so that it has not been made a part of its caller before the profile began.
 */
function burn(): unknown {
  return runInThisContext(`(function burnTheCpu() {
    const untilMs = performance.now() + 40 + ${burns++} / 1e6;
    const before = process.cpuUsage();
    let sum = 0;
    while (performance.now() < untilMs || process.cpuUsage(before).user < 40_000) {
      for (let at = 0; at < 1000; at++) sum += Math.sqrt(sum + 1);
    }
    return sum;
  })()`);
}

const workOf = (path: string): (() => unknown) => (path.startsWith('/cpu') ? burn : () => 'idle');

/** Takes a capture of `seconds`, in which something is done. */
async function taken(path: string, work: () => unknown = workOf(path)): Promise<Response> {
  const seconds = Number(/seconds=(\d+)/.exec(path)?.[1] ?? 10);
  const answer = ask(path);
  await sampling();
  const kept = work();
  clock.advance(seconds * 1000);
  const response = await answer;
  expect(kept).toBeDefined();
  return response;
}

async function problem(answer: Promise<Response>): Promise<[number, string]> {
  const response = await answer;
  return [response.status, ((await response.json()) as { code: string }).code];
}

describe('a CPU profile', () => {
  it('is answered as V8 gives it, with what ran while it was taken', async () => {
    await start();
    const response = await taken('/cpu?seconds=3');
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const id = response.headers.get('x-capture-id')!;
    expect(id).toMatch(/^cpu-[\da-f]{8}$/);
    expect(response.headers.get('content-disposition')).toBe(
      `attachment; filename="${id}.cpuprofile"`,
    );
    const { nodes, samples } = (await response.json()) as V8CpuProfile;
    expect(nodes.map(({ callFrame }) => callFrame.functionName)).toContain('burnTheCpu');
    expect(samples!.length).toBeGreaterThan(0);
    expect(made.captures()).toMatchObject([
      { id, kind: 'cpu', cause: 'asked', startedAt: Date.UTC(2026, 0, 1), durationMs: 3000 },
    ]);
  });

  it('can be had for speedscope, for pprof and as a picture, then and later', async () => {
    await start();
    const response = await taken('/cpu?seconds=1&format=speedscope');
    expect(await response.json()).toMatchObject({ profiles: [{ type: 'sampled' }] });
    const location = response.headers.get('content-location')!;
    expect(location).toMatch(/^\/api\/middleware\/profiler\/captures\/cpu-.*format=speedscope$/);
    const again = await fetch(served.url + location);
    expect(await again.text()).toContain('burnTheCpu');

    const { id } = made.captures()[0]!;
    const svg = await ask(`/captures/${id}?format=svg`);
    expect(svg.headers.get('content-type')).toBe('image/svg+xml');
    expect(svg.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
    const picture = await svg.text();
    expect(faultOf(picture)).toBeUndefined();
    expect(picture).toContain('burnTheCpu');

    const pprof = await ask(`/captures/${id}?format=pprof`);
    const profile = Profile.decode(gunzipSync(await pprof.arrayBuffer()));
    expect(profile.stringTable.strings).toContain('burnTheCpu');

    const head = await ask(`/captures/${id}`, { method: 'HEAD' });
    expect(Number(head.headers.get('content-length'))).toBe(made.stats()['keptBytes']);
    expect(await head.text()).toBe('');
  });
});

// Of the heap: V8 begins at once, where for a CPU profile it looks through all of a test's code.
describe('a capture', () => {
  it('takes ten seconds where nobody says, and is taken by POST, too', async () => {
    await start();
    const answer = ask('/heap', { method: 'POST' });
    await sampling();
    clock.advance(9999);
    expect(made.stats()['running']).toBe('heap');
    clock.advance(1);
    expect((await answer).status).toBe(200);
    expect(made.stats()).toMatchObject({ running: 'nothing', captures: 1, capturesTotal: 1 });
  });

  it('is taken one at a time: whoever comes second is told when to come back', async () => {
    await start();
    const first = ask('/heap?seconds=30');
    await sampling();
    clock.advance(12_500);
    for (const path of ['/cpu', '/heap']) {
      const second = await ask(path);
      expect(second.status).toBe(409);
      expect(second.headers.get('retry-after')).toBe('18');
      expect(await second.json()).toMatchObject({ code: 'ERR_PROFILE_RUNNING' });
    }
    await expect(made.captureCpu()).rejects.toMatchObject({ code: 'ERR_PROFILE_RUNNING' });
    clock.advance(17_500);
    expect((await first).status).toBe(200);
    expect(made.stats()['refusedTotal']).toBe(3);
  });

  it('ends when its client goes, and that is told', async () => {
    await start();
    const controller = new AbortController();
    const answer = ask('/heap?seconds=30', { signal: controller.signal });
    await sampling();
    controller.abort();
    await expect(answer).rejects.toThrow('abort');
    while (made.stats()['running'] !== 'nothing')
      await new Promise((resolve) => setImmediate(resolve));
    expect(clock.pending).toBe(0);
    expect(events).toMatchObject([
      { type: 'aborted', kind: 'heap', reason: { code: 'ERR_CLIENT_CLOSED' } },
    ]);
    expect(made.stats()).toMatchObject({ captures: 0, abortedTotal: 1 });
    expect((await taken('/heap?seconds=1')).status).toBe(200);
  });

  it('ends when the profiler is closed', async () => {
    await start();
    const answer = ask('/cpu?seconds=30');
    await sampling();
    await made.close();
    expect(await problem(answer)).toEqual([503, 'ERR_PROFILER_CLOSED']);
    expect(clock.pending).toBe(0);
    expect(await problem(ask('/cpu'))).toEqual([503, 'ERR_PROFILER_CLOSED']);
  });

  it('ends with the signal of code that asks for it', async () => {
    await start();
    const controller = new AbortController();
    const capture = made.captureHeap({ durationMs: 5000, signal: controller.signal });
    await sampling();
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(capture).rejects.toBe(reason);
    await expect(made.captureHeap({ signal: controller.signal })).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
  });

  it('is told to listeners, with all but the profile', async () => {
    await start();
    await taken('/heap?seconds=2');
    expect(events).toEqual([
      { type: 'captured', kept: true, capture: { ...made.captures()[0], durationMs: 2000 } },
    ]);
    expect(JSON.stringify(events)).not.toContain('selfSize');
  });
});

describe('a heap profile', () => {
  it('says who allocated what is still there', async () => {
    await start({ heapIntervalBytes: 1024 });
    const kept: unknown[] = [];
    const response = await taken('/heap?seconds=1', () => {
      function allocateALot(): void {
        for (let at = 0; at < 20_000; at++) kept.push({ at, text: `entry ${at}` });
      }
      allocateALot();
      return kept;
    });
    expect(response.headers.get('content-disposition')).toMatch(/\.heapprofile"$/);
    const profile = (await response.json()) as V8HeapProfile;
    expect(JSON.stringify(profile.head)).toContain('allocateALot');
    const { id, kind } = made.captures()[0]!;
    expect(kind).toBe('heap');
    for (const format of ['speedscope', 'pprof', 'svg'] as const) {
      expect((await made.render(id, format)).body.byteLength).toBeGreaterThan(0);
    }
    expect(faultOf(Buffer.from((await made.render(id, 'svg')).body).toString())).toBeUndefined();
  });

  it('is no CPU profile', async () => {
    await start();
    expect(await problem(ask('/heap?format=cpuprofile'))).toEqual([400, 'ERR_PROFILE_REQUEST']);
  });
});

describe('a heap snapshot', () => {
  it('is not to be had unless it is switched on', async () => {
    await start();
    expect(await problem(ask('/heap?format=heapsnapshot'))).toEqual([403, 'ERR_SNAPSHOTS_OFF']);
  });
});

describe('captures that are kept', () => {
  it('are listed, the newest first, and the oldest go', async () => {
    await start({ maxCaptures: 2 });
    const ids: string[] = [];
    for (let at = 0; at < 3; at++) {
      ids.push((await taken('/heap?seconds=1')).headers.get('x-capture-id')!);
    }
    const { captures } = (await (await ask('/captures')).json()) as { captures: { id: string }[] };
    expect(captures.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    expect(await problem(ask(`/captures/${ids[0]}`))).toEqual([404, 'ERR_NO_CAPTURE']);
    expect(await (await ask(`/captures/${ids[1]}?format=info`)).json()).toMatchObject({
      id: ids[1],
      sizeBytes: expect.any(Number) as number,
    });
    expect(made.stats()).toMatchObject({ captures: 2, evictedTotal: 1 });
  });

  it('take no more bytes than they may: one that is too large is answered and let go', async () => {
    await start({ maxKeptBytes: 1024 });
    const response = await taken('/cpu?seconds=1');
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(1024);
    expect(response.headers.has('content-location')).toBe(false);
    expect(made.captures()).toEqual([]);
    expect(events).toMatchObject([{ type: 'captured', kept: false }]);
  });

  it('can be compared, as a table and as a picture', async () => {
    await start();
    await taken('/cpu?seconds=1', () => 'idle');
    await taken('/cpu?seconds=1');
    const [to, from] = made.captures().map(({ id }) => id);
    const table = (await (await ask(`/diff?from=${from}&to=${to}`)).json()) as {
      functions: { name: string; selfFromRatio: number; selfToRatio: number }[];
    };
    const burnt = table.functions.find(({ name }) => name === 'burnTheCpu')!;
    expect(burnt.selfFromRatio).toBe(0);
    expect(burnt.selfToRatio).toBeGreaterThan(0);
    const picture = await (await ask(`/diff?from=${from}&to=${to}&format=svg`)).text();
    expect(faultOf(picture)).toBeUndefined();
    expect(picture).toContain('points)');
  });

  it('of two kinds cannot', async () => {
    await start();
    await taken('/cpu?seconds=1');
    await taken('/heap?seconds=1');
    const [heap, cpu] = made.captures().map(({ id }) => id);
    expect(await problem(ask(`/diff?from=${cpu}&to=${heap}`))).toEqual([
      400,
      'ERR_PROFILE_REQUEST',
    ]);
    expect(await problem(ask(`/diff?from=${cpu}`))).toEqual([400, 'ERR_PROFILE_REQUEST']);
    expect(await problem(ask(`/diff?from=${cpu}&to=cpu-0`))).toEqual([404, 'ERR_NO_CAPTURE']);
    expect(await problem(ask(`/diff?from=${cpu}&to=${cpu}&format=png`))).toEqual([
      400,
      'ERR_PROFILE_REQUEST',
    ]);
  });
});

describe('the routes', () => {
  it.each(['', '/cpu', '/heap', '/captures', '/captures/cpu-1', '/diff', '/functions'])(
    'are closed to strangers: %s',
    async (path) => {
      await start({ access: TOKEN });
      expect(await problem(ask(path, { headers: STRANGER }))).toEqual([
        403,
        'ERR_MONITORING_CLOSED',
      ]);
      expect(made.stats()['running']).toBe('nothing');
    },
  );

  it('are open to the token', async () => {
    await start({ access: TOKEN });
    const headers = { ...STRANGER, authorization: `Bearer ${TOKEN}` };
    expect((await ask('/captures', { headers })).status).toBe(200);
  });

  it.each(['cross-site', 'same-site'])(
    'take no captures for a %s page in a local browser',
    async (site) => {
      await start();
      const headers = { 'sec-fetch-site': site };
      for (const path of ['/cpu', '/heap']) {
        expect(await problem(ask(path, { headers }))).toEqual([403, 'ERR_MONITORING_CLOSED']);
      }
    },
  );

  it.each(['0', '-1', '61', '1e1', 'ten', '', '0.0001'])('refuse seconds=%s', async (seconds) => {
    await start();
    expect(await problem(ask(`/cpu?seconds=${seconds}`))).toEqual([400, 'ERR_PROFILE_REQUEST']);
  });

  it('refuse other methods, and say which they take (RFC 9110 §15.5.6)', async () => {
    await start();
    for (const [path, allow] of [
      ['/cpu', 'GET, HEAD, POST'],
      ['/captures', 'GET, HEAD'],
      ['/diff', 'GET, HEAD'],
      ['', 'GET, HEAD'],
    ] as const) {
      const response = await ask(path, { method: 'DELETE' });
      expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
    }
  });

  it('show functions, and all at once', async () => {
    await start();
    made.span('work', () => undefined);
    const functions = [{ name: 'work', calls: 1, failures: 0, selfMs: 0, totalMs: 0 }];
    expect(await (await ask('/functions')).json()).toEqual({ functions });
    expect(await (await ask('')).json()).toEqual({
      running: 'nothing',
      captures: [],
      functions,
    });
  });

  it('leave all other paths alone', async () => {
    await start();
    expect(await (await fetch(`${served.url}/fine`)).text()).toBe('fine');
    expect((await fetch(`${served.url}${BASE}s`)).status).toBe(404);
    expect((await ask('/none')).status).toBe(404);
    expect(await problem(ask('/captures/none%2f'))).toEqual([404, 'ERR_NO_CAPTURE']);
  });

  it('stand elsewhere, or nowhere, if one says so', async () => {
    await start({ path: '/profiles' });
    expect((await fetch(`${served.url}/profiles/captures`)).status).toBe(200);
    expect((await ask('/captures')).status).toBe(404);
    await made.close();
    await served.close();
    await start({ path: false });
    expect((await ask('/captures')).status).toBe(404);
  });

  it('outlast a deadline under setup, which stands below them', async () => {
    clock = fakeClock();
    made = profiler({ clock, stallMs: false });
    const app = express();
    const stack = setup(app, [made, timeout({ clock, timeoutMs: 1000 })], { allowHeavy: true });
    const server = await stack.listen(0, '127.0.0.1');
    served = await serve(server);
    const answer = ask('/heap?seconds=30');
    await sampling();
    clock.advance(30_000);
    const { status, headers } = await answer;
    expect(status).toBe(200);
    expect(headers.get('content-location')).toMatch(
      /^\/api\/middleware\/profiler\/captures\/heap-/,
    );
    await stack.close();
  });
});

describe('options', () => {
  it('that contradict each other are refused', () => {
    expect(() => profiler({ durationMs: 5000, maxDurationMs: 1000 })).toThrow(
      'profiler: option "durationMs" must be at most "maxDurationMs", which is 1000, but is 5000.',
    );
  });

  it('of a capture are checked, too', async () => {
    await start();
    await expect(made.captureHeap({ durationMs: 0 })).rejects.toMatchObject({
      code: 'ERR_PROFILE_REQUEST',
    });
  });
});
