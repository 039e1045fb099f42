import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { request as httpRequest } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { defineComponent, defineMiddleware, FAULT_CHANNEL, type HealthReport } from '@org/core';
import { fakeClock, fakeHost, recordExchanges, serve, type Served } from '@org/core/testing';
import { setup } from '@org/setup';
import express, { type Express } from 'express';
import * as fc from 'fast-check';

import { type CheckStatus, type Health, health, type HealthOptions } from '@org/health';

const clean: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of clean.splice(0).toReversed()) await step();
});

function make(options: Partial<HealthOptions> = {}) {
  const clock = fakeClock();
  const changes: string[] = [];
  const made = health({
    clock,
    onChange: (name, from, to) => void changes.push(`${name}: ${from} → ${to}`),
    ...options,
  });
  clean.push(() => made.close());
  return { made, clock, changes };
}

async function serving(made: Health, at = ''): Promise<Served> {
  const app = express();
  if (at === '') app.use(made);
  else app.use(at, made);
  app.use((_req, res) => void res.status(200).send('app'));
  const served = await serve(app);
  clean.push(() => served.close());
  return served;
}

async function ask(url: string, init: RequestInit = {}) {
  const response = await fetch(url, {
    ...init,
    headers: { connection: 'close', ...(init.headers as object) },
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

/** Callers through a proxy are not local, whatever their address. */
const outside = { headers: { 'x-forwarded-for': '203.0.113.9' } };

/** A check whose answers a test decides. */
function controlled(first: HealthReport | Error = { status: 'pass' }) {
  const control = {
    answer: first,
    runs: 0,
    run: (): HealthReport => {
      control.runs++;
      if (control.answer instanceof Error) throw control.answer;
      return control.answer;
    },
  };
  return control;
}

describe('probes', () => {
  test('answer 200 while all is well, to GET and HEAD, never stored, saying nothing of the inside', async () => {
    const { made } = make({ checks: { db: () => true }, about: { version: '1' } });
    await made.refresh();
    const { url } = await serving(made);
    for (const probe of ['live', 'ready', 'startup']) {
      const got = await ask(`${url}/health/${probe}?x=1`, outside);
      expect(got.status).toBe(200);
      expect(got.text).toBe('{"status":"pass"}');
      expect(got.headers.get('content-type')).toBe('application/health+json');
      expect(got.headers.get('cache-control')).toBe('no-store');
      const head = await ask(`${url}/health/${probe}`, { method: 'HEAD' });
      expect(head.status).toBe(200);
      expect(head.text).toBe('');
      expect(head.headers.get('content-length')).toBe('17');
    }
  });

  test('refuse other methods, and leave other paths to the app', async () => {
    const { made } = make();
    const { url } = await serving(made);
    const posted = await ask(`${url}/health/live`, { method: 'POST' });
    expect(posted.status).toBe(405);
    expect(posted.headers.get('allow')).toBe('GET, HEAD');
    for (const path of [
      '/',
      '/health',
      '/health/',
      '/health/live/',
      '/health/livex',
      '/HEALTH/live',
    ]) {
      expect((await ask(url + path)).text).toBe('app');
    }
  });

  test('respect the mount, and name their route after it', async () => {
    const { made } = make();
    const recorder = recordExchanges();
    const app = express();
    app.use(recorder.middleware);
    app.use('/internal', made);
    const { url, close } = await serve(app);
    clean.push(close);
    expect((await ask(`${url}/internal/health/live`)).status).toBe(200);
    expect((await ask(`${url}/health/live`)).status).toBe(404);
    const [first] = await recorder.waitFor(1);
    expect(first!.route).toBe('/internal/health/live');
  });

  test('move to other paths, each or all', async () => {
    const { made } = make({ path: '/_', paths: { live: '/livez', ready: '/readyz' } });
    const { url } = await serving(made);
    for (const path of ['/livez', '/readyz', '/_/startup', '/_/middleware']) {
      expect((await ask(url + path)).text).toContain('"status":"pass"');
    }
    expect((await ask(`${url}/_/live`)).text).toBe('app');
  });

  test('liveness does not follow a dependency, readiness does', async () => {
    const { made } = make({ checks: { db: () => false }, failAfter: 1 });
    await made.refresh();
    const { url } = await serving(made);
    expect((await ask(`${url}/health/live`)).status).toBe(200);
    expect((await ask(`${url}/health/ready`)).status).toBe(503);
    expect((await ask(`${url}/health/ready`)).text).toBe('{"status":"fail"}');
  });

  test('groups have routes of their own, and checks count only where they belong', async () => {
    const { made } = make({
      checks: {
        mail: { run: () => false, groups: ['batch'] },
        loop: { run: () => true, groups: ['live'] },
      },
    });
    await made.refresh();
    const { url } = await serving(made);
    expect((await ask(`${url}/health/batch`)).status).toBe(503);
    expect((await ask(`${url}/health/ready`)).status).toBe(200);
    expect((await ask(`${url}/health/live`)).status).toBe(200);
  });

  test('an unknown critical check is not ready; an optional one only degrades', async () => {
    const { made } = make({
      checks: { db: () => new Promise<void>(() => undefined) },
    });
    made.start();
    expect(made.probe('ready')).toBe('fail');
    const other = make({
      checks: { mail: { run: () => new Promise<void>(() => undefined), critical: false } },
    });
    other.made.start();
    expect(other.made.probe('ready')).toBe('warn');
    const { url } = await serving(other.made);
    const got = await ask(`${url}/health/ready`);
    expect([got.status, got.text]).toEqual([200, '{"status":"pass"}']);
  });

  test('start-up stays passed once it has passed', async () => {
    const schema = controlled(new Error('migrating'));
    const { made } = make({
      failAfter: 1,
      checks: { schema: { run: schema.run, groups: ['startup'] } },
    });
    await made.refresh();
    expect(made.probe('startup')).toBe('fail');
    schema.answer = { status: 'pass' };
    await made.refresh();
    expect(made.probe('startup')).toBe('pass');
    schema.answer = new Error('again');
    await made.refresh();
    expect(made.status('schema')).toBe('fail');
    expect(made.probe('startup')).toBe('pass');
  });

  test('alone, readiness follows isReady at once, and a throw is a no that is reported', async () => {
    let ready: boolean | Error = false;
    const { made } = make({
      isReady: () => {
        if (ready instanceof Error) throw ready;
        return ready;
      },
    });
    expect([made.probe('ready'), made.probe('startup'), made.probe('live')]).toEqual([
      'fail',
      'fail',
      'pass',
    ]);
    ready = true;
    expect([made.probe('ready'), made.probe('startup')]).toEqual(['pass', 'pass']);
    const faults: unknown[] = [];
    const listen = (fault: unknown): void => void faults.push(fault);
    subscribe(FAULT_CHANNEL, listen);
    ready = new Error('cannot tell');
    expect(made.probe('ready')).toBe('fail');
    unsubscribe(FAULT_CHANNEL, listen);
    expect(faults).toMatchObject([{ where: 'health isReady' }]);
    expect(channel(FAULT_CHANNEL).hasSubscribers).toBe(false);
  });
});

describe('details', () => {
  const about = { version: '1', serviceId: 'places' };

  test('are shown to bearers of the token, and to nobody else', async () => {
    const token = 'a-token-of-enough-length';
    const { made } = make({ checks: { db: () => true }, about, access: token });
    await made.refresh();
    const { url } = await serving(made);
    const path = `${url}/health/middleware`;
    const right = { headers: { ...outside.headers, authorization: `Bearer ${token}` } };
    expect(JSON.parse((await ask(path, right)).text)).toEqual({
      version: '1',
      serviceId: 'places',
      status: 'pass',
      serving: true,
      checks: {
        'db:responseTime': [
          {
            componentId: 'db',
            status: 'pass',
            time: '2026-01-01T00:00:00.000Z',
            observedValue: 0,
            observedUnit: 'ms',
            critical: true,
            groups: ['ready'],
          },
        ],
      },
    });
    expect((await ask(path, outside)).text).toBe('{"status":"pass"}');
    const wrong = { headers: { ...outside.headers, authorization: 'Bearer wrong' } };
    expect((await ask(path, wrong)).text).toBe('{"status":"pass"}');
    expect((await ask(path)).text).toBe('{"status":"pass"}');
    const head = await ask(path, { method: 'HEAD', ...right });
    expect([head.status, head.text]).toEqual([200, '']);
  });

  test('are not shown by a guard that throws, or answers a promise', async () => {
    const listen = (): void => undefined;
    subscribe(FAULT_CHANNEL, listen);
    clean.push(() => void unsubscribe(FAULT_CHANNEL, listen));
    const guards = [
      () => {
        throw new Error('no');
      },
      (() => Promise.resolve(false)) as unknown as () => boolean,
    ];
    for (const access of guards) {
      const { made } = make({ access });
      const { url } = await serving(made);
      expect((await ask(`${url}/health/middleware`)).text).toBe('{"status":"pass"}');
    }
  });

  test('name causes: orders is down because db is', async () => {
    const { made } = make({
      failAfter: 1,
      checks: {
        db: () => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })),
        orders: { run: () => true, dependsOn: ['db'] },
        trips: { run: () => true, dependsOn: ['orders'] },
      },
    });
    await made.refresh();
    const { url } = await serving(made);
    const got = await ask(`${url}/health/middleware`);
    expect(got.status).toBe(503);
    expect(JSON.parse(got.text)).toMatchObject({
      status: 'fail',
      notes: ['orders is down because of db', 'trips is down because of db'],
      checks: {
        'db:responseTime': [{ status: 'fail', output: 'refused (ECONNREFUSED)' }],
        'orders:responseTime': [{ status: 'fail', causes: ['db'] }],
      },
    });
  });

  test('an optional dependency only degrades what depends on it', async () => {
    const { made } = make({
      checks: {
        mail: { run: () => false, critical: false },
        orders: { run: () => true, dependsOn: ['mail'] },
      },
    });
    await made.refresh();
    expect(made.status('orders')).toBe('warn');
    expect(made.probe('ready')).toBe('warn');
    const { url } = await serving(made);
    const got = await ask(`${url}/health/middleware`);
    expect([got.status, JSON.parse(got.text).status]).toEqual([200, 'warn']);
  });

  test('show unknown as what it amounts to, with the true state beside it', async () => {
    const { made } = make({
      checks: { db: () => new Promise<void>(() => undefined) },
    });
    made.start();
    const { url } = await serving(made);
    expect(JSON.parse((await ask(`${url}/health/middleware`)).text)).toMatchObject({
      status: 'fail',
      checks: {
        'db:responseTime': [{ status: 'fail', state: 'unknown', output: 'not checked yet' }],
      },
    });
  });
});

describe('checks', () => {
  test.each<[string, () => unknown, CheckStatus, string | undefined]>([
    ['nothing', () => undefined, 'pass', undefined],
    ['true', () => true, 'pass', undefined],
    ['false', () => false, 'fail', undefined],
    ['a report', () => ({ status: 'warn', detail: 'slow' }), 'warn', 'slow'],
    ['nonsense', () => ({ status: 'fine' }), 'fail', 'not a health report'],
    ['a number', () => 7, 'fail', 'not a health report'],
    ['null', () => null, 'fail', 'not a health report'],
    ['a throw', () => Promise.reject(new Error('boom')), 'fail', 'boom'],
    [
      'a throw with a cause',
      () => Promise.reject(new Error('fetch failed', { cause: new Error('refused') })),
      'fail',
      'fetch failed: refused',
    ],
    ['a throw of nothing', () => Promise.reject(), 'fail', 'undefined'],
    [
      'a throw of what cannot be read',
      () => Promise.reject(Object.create(null)),
      'fail',
      'cannot be read',
    ],
    ['a detail that is a number', () => ({ status: 'warn', detail: 42 }), 'warn', '42'],
    [
      'a detail that is an error',
      () => ({ status: 'fail', detail: new Error('refused') }),
      'fail',
      'refused',
    ],
  ])('that answer %s', async (_what, run, status, detail) => {
    const { made } = make({ checks: { one: run as () => boolean } });
    await made.refresh();
    expect(made.status('one')).toBe(status);
    const { url } = await serving(made);
    const { checks } = JSON.parse((await ask(`${url}/health/middleware`)).text);
    const { output } = checks['one:responseTime'][0] as { output?: string };
    expect(output ?? '').toContain(detail ?? '');
  });

  test('run in the background, once per interval, however often a probe asks', async () => {
    const db = controlled();
    const { made, clock } = make({ checks: { db: db.run }, intervalMs: 1000 });
    await made.refresh();
    for (let n = 0; n < 50; n++) made.probe('ready');
    expect(db.runs).toBe(1);
    clock.advance(999);
    expect(db.runs).toBe(1);
    clock.advance(1);
    expect(db.runs).toBe(2);
  });

  test('are given up at their time limit, told so by the signal, and never overlap', async () => {
    let signal: AbortSignal | undefined;
    let runs = 0;
    let release: (() => void) | undefined;
    const { made, clock, changes } = make({
      intervalMs: 100,
      timeoutMs: 500,
      staleMs: 5000,
      checks: {
        db: (given) => {
          runs++;
          signal = given;
          return new Promise<void>((resolve) => (release = resolve));
        },
      },
    });
    made.start();
    clock.advance(499);
    expect(signal!.aborted).toBe(false);
    clock.advance(1);
    expect(signal!.aborted).toBe(true);
    expect(changes).toEqual(['db: unknown → fail']);
    clock.advance(1000);
    made.start();
    expect(runs).toBe(1);
    // The late answer counts for nothing, but the next run may begin.
    release!();
    await turn();
    expect(made.status('db')).toBe('fail');
    clock.advance(100);
    expect(runs).toBe(2);
    release!();
    await turn();
    expect(made.status('db')).toBe('pass');
    expect(made.stats()).toMatchObject({ checks: { db: { runsTotal: 2, timeoutsTotal: 1 } } });
  });

  test('are not believed for ever: a result that grows old is unknown', async () => {
    let hang = false;
    const { made, clock, changes } = make({
      intervalMs: 100,
      timeoutMs: 100,
      staleMs: 1000,
      failAfter: 5,
      checks: { db: () => (hang ? new Promise<void>(() => undefined) : undefined) },
    });
    await made.refresh();
    hang = true;
    clock.advance(200);
    expect(made.status('db')).toBe('pass');
    clock.advance(1000);
    expect(made.status('db')).toBe('unknown');
    expect(made.probe('ready')).toBe('fail');
    expect(changes).toEqual(['db: unknown → pass', 'db: pass → unknown']);
  });

  test('that flap are left as they were until it has been seen often enough in a row', async () => {
    const db = controlled();
    const { made, changes } = make({ checks: { db: db.run }, failAfter: 3, passAfter: 2 });
    const [good, bad] = [{ status: 'pass' }, { status: 'fail' }] as const;
    const seen: CheckStatus[] = [];
    for (const answer of [good, bad, bad, good, bad, bad, bad, good, bad, good, good]) {
      db.answer = answer;
      await made.refresh();
      seen.push(made.status('db')!);
    }
    expect(seen.map((status) => status[0]).join('')).toBe('ppppppffffp');
    expect(changes).toEqual(['db: unknown → pass', 'db: pass → fail', 'db: fail → pass']);
  });

  test('change status only after failAfter worse or passAfter better results in a row', async () => {
    const rank = { pass: 0, warn: 1, fail: 2 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('pass', 'warn', 'fail'), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        async (answers, failAfter, passAfter) => {
          const db = controlled();
          const { made } = make({ checks: { db: db.run }, failAfter, passAfter });
          const wrong: string[] = [];
          let before = answers[0]!;
          for (const [index, answer] of answers.entries()) {
            db.answer = { status: answer };
            await made.refresh();
            const now = made.status('db') as typeof before;
            const side = Math.sign(rank[now] - rank[before]);
            const need = side > 0 ? failAfter : passAfter;
            const row = answers.slice(Math.max(0, index - need + 1), index + 1);
            const agree = row.every((one) => Math.sign(rank[one] - rank[before]) === side);
            if (side !== 0 && (row.length < need || !agree || now !== answer))
              wrong.push(`${before} → ${now} at ${index}`);
            before = now;
          }
          expect(wrong).toEqual([]);
          made.close();
        },
      ),
      { numRuns: 50 },
    );
  });

  test('come and go at run time', async () => {
    const { made } = make();
    made.start();
    const remove = made.add('queue', { run: () => false, critical: true });
    await made.refresh();
    expect(made.probe('ready')).toBe('fail');
    expect(() => made.add('queue', () => true)).toThrow(/"queue" already/);
    remove();
    remove();
    expect(made.status('queue')).toBeUndefined();
    expect(made.probe('ready')).toBe('pass');
  });

  test('end with close: nothing runs, nothing waits, and readiness is down', async () => {
    let signal: AbortSignal | undefined;
    const { made, clock } = make({
      checks: {
        db: (given) => {
          signal = given;
          return new Promise<void>(() => undefined);
        },
        ok: () => true,
      },
    });
    made.start();
    await turn();
    made.close();
    made.close();
    expect(signal!.aborted).toBe(true);
    clock.advance(60_000);
    expect(made.probe('ready')).toBe('fail');
    expect(clock.pending).toBe(0);
  });

  test('a listener that throws is reported and harms nobody', async () => {
    const faults: unknown[] = [];
    const listen = (fault: unknown): void => void faults.push(fault);
    subscribe(FAULT_CHANNEL, listen);
    clean.push(() => void unsubscribe(FAULT_CHANNEL, listen));
    const { made } = make({
      checks: { db: () => true },
      onChange: () => {
        throw new Error('listener');
      },
    });
    await made.refresh();
    expect(made.status('db')).toBe('pass');
    expect(faults).toMatchObject([{ where: 'health onChange' }]);
  });

  test('blame by name, however the names come', async () => {
    const causes = 'redis' as unknown as string[];
    const { made } = make({ checks: { cache: () => ({ status: 'fail', causes }) } });
    await made.refresh();
    const { url } = await serving(made);
    expect(JSON.parse((await ask(`${url}/health/middleware`)).text)).toMatchObject({
      notes: ['cache is down because of redis'],
    });
  });

  test('that are added count in the whole, also in a group that has no route', async () => {
    const { made } = make();
    made.add('nightly', { run: () => false, groups: ['batch'] });
    await made.refresh();
    const { url } = await serving(made);
    expect((await ask(`${url}/health/ready`)).status).toBe(200);
    const got = await ask(`${url}/health/middleware`);
    expect([got.status, JSON.parse(got.text).status]).toEqual([503, 'fail']);
  });

  test('that are added after close are never run', async () => {
    const { made, clock } = make();
    made.start();
    made.close();
    const db = controlled();
    made.add('db', db.run);
    await made.refresh();
    expect([db.runs, clock.pending]).toEqual([0, 0]);
  });

  test('hooks that reject are reported, and do not end the process', async () => {
    const faults: { where: string }[] = [];
    const listen = (fault: unknown): void => void faults.push(fault as { where: string });
    subscribe(FAULT_CHANNEL, listen);
    clean.push(() => void unsubscribe(FAULT_CHANNEL, listen));
    const rejects = (() => Promise.reject(new Error('hook'))) as unknown as () => boolean;
    const { made } = make({
      checks: { db: () => true },
      onChange: rejects,
      isReady: rejects,
      access: rejects,
    });
    await made.refresh();
    const { url } = await serving(made);
    expect((await ask(`${url}/health/middleware`)).text).toBe('{"status":"fail"}');
    expect(new Set(faults.map(({ where }) => where))).toEqual(
      new Set(['health onChange', 'health isReady', 'monitoring access']),
    );
  });

  test('with wrong settings are refused by name, with the fix', () => {
    expect(() => health({ checks: { db: { run: () => true, timeoutMs: -1 } } })).toThrow(
      /check "db".*"timeoutMs".*-1/,
    );
    expect(() => health({ staleMs: 5000 })).toThrow(
      /"staleMs" must be more than "intervalMs", which is 10000, but is 5000/,
    );
    const rare = { run: () => true, intervalMs: 60_000 };
    expect(() => health({ checks: { rare }, staleMs: 30_000 })).toThrow(
      /check "rare".*"staleMs".*60000.*30000/,
    );
    expect(() => health({ checks: { 'a b': () => true } })).toThrow(/"a b"/);
    expect(() => health({ path: 'health' })).toThrow(/"path".*"health"/);
    expect(() => health({ paths: { alive: '/x' } })).toThrow(
      /"alive", but there are middleware, live/,
    );
    expect(() => health({ paths: { live: '/health/ready' } })).toThrow(/same path \/health\/ready/);
    expect(() => health({ access: 'short' })).toThrow(/at least 16/);
    const circle = {
      a: { run: () => true, dependsOn: ['b'] },
      b: { run: () => true, dependsOn: ['a'] },
    };
    expect(() => health({ checks: circle })).toThrow(/a → b → a/);
    const db = defineComponent('db', { health: () => ({ status: 'pass' as const }) });
    const odd = defineComponent('my db', { health: () => ({ status: 'pass' as const }) });
    expect(() => health({ components: [odd] })).toThrow(/"components".*"my db"/);
    expect(() => health({ components: [db, db] })).toThrow(/"db".*another component/);
    expect(() => health({ components: [db], checks: { db: () => true } })).toThrow(/"db".*a check/);
    const { made } = make({ checks: { a: { run: () => true, dependsOn: ['gone'] } } });
    expect(() => made.start()).toThrow(/"a" depends on "gone"/);
  });
});

describe('components', () => {
  const cache = (report: () => HealthReport) => defineComponent('cache', { health: report });

  test('are asked alone, and may be optional', async () => {
    const down = cache(() => ({ status: 'fail', detail: 'no redis', causes: ['redis'] }));
    const strict = make({ components: [down] });
    await strict.made.refresh();
    expect(strict.made.probe('ready')).toBe('fail');
    const lenient = make({ components: [down], optional: ['cache'] });
    await lenient.made.refresh();
    expect(lenient.made.probe('ready')).toBe('warn');
    const { url } = await serving(lenient.made);
    expect(JSON.parse((await ask(`${url}/health/middleware`)).text)).toMatchObject({
      notes: ['cache is down because of redis'],
    });
  });

  test('of a whole are asked once it has started, come and go, and follow its state at once', async () => {
    const asked: string[] = [];
    const one = defineComponent('one', {
      health: () => {
        asked.push('one');
        return { status: 'pass' as const };
      },
    });
    const silent = defineComponent('silent', {});
    let parts: ReturnType<typeof defineComponent>[] = [silent, one];
    const host = fakeHost({ state: 'starting', components: () => [...parts, made] });
    const { made, clock } = make();
    made.attach!(host);
    made.start();
    expect(asked).toEqual([]);
    expect([made.probe('startup'), made.probe('ready'), made.probe('live')]).toEqual([
      'fail',
      'fail',
      'pass',
    ]);
    host.state = 'ready';
    clock.advance(50);
    await turn();
    expect(asked).toEqual(['one']);
    expect([made.probe('startup'), made.probe('ready')]).toEqual(['pass', 'pass']);
    parts = [];
    clock.advance(10_000);
    expect(made.status('one')).toBeUndefined();
    for (const state of ['draining', 'closed'] as const) {
      host.state = state;
      expect([made.probe('startup'), made.probe('ready'), made.probe('live')]).toEqual([
        'pass',
        'fail',
        'pass',
      ]);
    }
  });

  test('of a whole that cannot be checked are told of once, and cost no probe its answer', async () => {
    const faults: unknown[] = [];
    const listen = (fault: unknown): void => void faults.push(fault);
    subscribe(FAULT_CHANNEL, listen);
    clean.push(() => void unsubscribe(FAULT_CHANNEL, listen));
    const parts: ReturnType<typeof defineComponent>[] = [];
    const host = fakeHost({ state: 'starting', components: () => parts });
    host.state = 'ready';
    const { made, clock } = make();
    made.attach!(host);
    made.start();
    parts.push(defineComponent('my db', { health: () => ({ status: 'pass' as const }) }));
    clock.advance(10_000);
    expect(made.probe('ready')).toBe('pass');
    expect(faults).toMatchObject([{ where: 'health component' }]);
  });

  test('join in under setup, where health answers ahead of everything else', async () => {
    const app: Express = express();
    const order: string[] = [];
    const gate = defineMiddleware({
      name: 'gate',
      phase: 'edge',
      step: ({ req }) => void order.push(req.url),
      health: () => ({ status: 'warn', detail: 'half open' }),
    });
    const made = health();
    const stack = setup(app, [gate, made]);
    app.get('/x', (_req, res) => void res.send('x'));
    const server = await stack.listen(0);
    const { port } = server.address() as { port: number };
    const url = `http://127.0.0.1:${port}`;
    await made.refresh();
    expect((await ask(`${url}/health/ready`)).status).toBe(200);
    expect((await ask(`${url}/x`)).text).toBe('x');
    expect(order).toEqual(['/x']);
    expect(JSON.parse((await ask(`${url}/health/middleware`)).text)).toMatchObject({
      status: 'warn',
      state: 'ready',
      checks: { 'gate:responseTime': [{ status: 'warn', output: 'half open' }] },
    });
    await stack.close();
    expect(made.probe('ready')).toBe('fail');
  });

  test('alone and unstarted, the first request starts the checks', async () => {
    const db = controlled();
    const { made } = make({ checks: { db: db.run } });
    const { url } = await serving(made);
    await ask(`${url}/anything`);
    expect(db.runs).toBe(1);
    expect((await ask(`${url}/health/ready`)).status).toBe(200);
  });
});

test('probes are answered on a raw socket too, with the length that HEAD promises', async () => {
  const { made } = make();
  const { port } = await serving(made);
  const got = await new Promise<{ status: number; length: string; body: string }>(
    (resolve, reject) => {
      const request = httpRequest({ port, path: '/health/live', agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk) => (body += String(chunk)));
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            length: response.headers['content-length']!,
            body,
          }),
        );
      });
      request.on('error', reject);
      request.end();
    },
  );
  expect(got).toEqual({ status: 200, length: '17', body: '{"status":"pass"}' });
});
