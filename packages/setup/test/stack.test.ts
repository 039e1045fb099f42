import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';

import {
  defineComponent,
  defineMiddleware,
  defineStages,
  type Exchange,
  FAULT_CHANNEL,
  HANDLED,
  type Host,
  internalRequest,
  type Middleware,
  type Phase,
  PHASES,
} from '@org/core';
import { fakeClock, serve } from '@org/core/testing';
import { lazy, setup, type Stack } from '@org/setup';

const named = (name: string, phase: Phase = 'shape', more: object = {}): Middleware =>
  defineMiddleware({ name, phase, step: () => undefined, ...more });

/** A middleware that writes its name into a header when a request passes. */
const marking = (name: string, phase: Phase = 'shape', more: object = {}): Middleware =>
  defineMiddleware({ name, phase, step: ({ res }) => void res.append('X-Passed', name), ...more });

const orderOf = (stack: Stack): string[] =>
  stack
    .explain()
    .rows.filter(({ name }) => name !== 'monitoring')
    .map(({ name }) => name);

const passingOn: RequestHandler = (_req, res, next) => {
  res.append('X-Passed', 'plain');
  next();
};

/** Serves an app's stack by `listen`, and closes it whatever happens. */
async function listening(stack: Stack, use: (url: string) => Promise<void>): Promise<void> {
  const server = await stack.listen(0, '127.0.0.1');
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    await stack.close();
  }
}

const passed = async (url: string): Promise<string | null> =>
  (await fetch(url)).headers.get('x-passed');

/** Faults that are reported while `body` runs. */
async function faultsOf(body: () => Promise<void>): Promise<{ where: string; error: Error }[]> {
  const faults: { where: string; error: Error }[] = [];
  const listen = (message: unknown): void => void faults.push(message as never);
  subscribe(FAULT_CHANNEL, listen);
  await body();
  unsubscribe(FAULT_CHANNEL, listen);
  return faults;
}

describe('the order', () => {
  test('is by phase, then priority, then as given', () => {
    const stack = setup(express(), [
      named('late', 'session'),
      named('second', 'shape'),
      named('first', 'shape', { priority: 10 }),
      named('third', 'shape'),
      [named('edge', 'edge'), [named('context', 'context')]],
    ]);
    expect(orderOf(stack)).toEqual(['edge', 'context', 'first', 'second', 'third', 'late']);
  });

  test('keeps before and after within a phase, over priorities', () => {
    const stack = setup(express(), [
      named('c', 'shape', { priority: 1, after: ['a', 'b'] }),
      named('b', 'shape', { priority: 2 }),
      named('a', 'shape', { priority: 3, before: ['b'] }),
    ]);
    expect(orderOf(stack)).toEqual(['a', 'b', 'c']);
  });

  test('satisfies every relation it is given, or throws: whatever they are', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const some = fc.subarray(names, { maxLength: 2 });
    const middleware = fc.record({
      phase: fc.constantFrom<Phase>('edge', 'protect', 'session'),
      priority: fc.integer({ min: 0, max: 3 }),
      before: some,
      after: some,
    });
    fc.assert(
      fc.property(fc.array(middleware, { minLength: 6, maxLength: 6 }), (places) => {
        const all = places.map(({ phase, ...rest }, at) => named(names[at]!, phase, rest));
        let order: string[];
        try {
          order = orderOf(setup(express(), all));
        } catch (error) {
          if ((error as { code?: string }).code !== 'ERR_SETUP') throw error;
          return;
        }
        const rank = (name: string): number => order.indexOf(name);
        const phases = order.map((name) => PHASES.indexOf(places[names.indexOf(name)]!.phase));
        expect(phases).toEqual(phases.toSorted((one, other) => one - other));
        for (const [at, { before, after }] of places.entries()) {
          for (const later of before) expect(rank(names[at]!)).toBeLessThan(rank(later));
          for (const earlier of after) expect(rank(earlier)).toBeLessThan(rank(names[at]!));
        }
      }),
    );
  });

  test('ignores relations to who is not there', () => {
    expect(
      orderOf(setup(express(), [named('a', 'shape', { before: ['x'], after: ['y'] })])),
    ).toEqual(['a']);
  });

  test.each<[string, Middleware[], RegExp]>([
    [
      'a relation against the phases',
      [named('cache', 'reuse', { before: ['auth'] }), named('auth', 'protect')],
      /"cache" must run before "auth", but "cache" is in phase "reuse" and "auth" in the earlier phase "protect"\. Move/,
    ],
    [
      'a circle',
      [
        named('a', 'shape', { before: ['b'] }),
        named('b', 'shape', { before: ['c'] }),
        named('c', 'shape', { before: ['a'] }),
      ],
      /"a" before "b" before "c" before "a"\. Drop one/,
    ],
    ['two of one name', [named('a'), named('a')], /two components named "a"/],
    [
      'an unmet need',
      [named('a', 'shape', { requires: ['cahce'] }), named('cache')],
      /"a" requires "cahce".*mean "cache"/,
    ],
  ])('refuses %s and names the fix', (_what, components, message) => {
    expect(() => setup(express(), components)).toThrow(message);
  });

  test('refuses what has no place, unknown names and a late call', () => {
    const plain = function helmet(): void {} as unknown as Middleware;
    expect(() => setup(express(), [plain])).toThrow(
      /component 1 is a plain handler \(helmet\).*defineMiddleware/,
    );
    expect(() => setup(express(), [named('cache')], { disabled: ['cahce'] })).toThrow(
      /did you mean "cache"/,
    );
    expect(() =>
      setup(express(), [named('cache')], { routes: { cache: { include: ['api'] } } }),
    ).toThrow(/"\/api\/\*"/);
    const app = express().use(express.json());
    expect(() => setup(app, [])).toThrow(/Call setup\(\) before app\.use/);
    expect(() => setup(express(), [], { prot: 1 } as never)).toThrow(/option "prot" is unknown/);
  });

  test('explains every place', () => {
    const stack = setup(express(), [
      named('cache', 'reuse'),
      named('quota', 'protect', { reason: 'because' }),
      named('dev', 'edge', { heavy: true }),
    ]);
    expect(String(stack.explain())).toBe(
      [
        '#  phase    middleware  state  why here',
        '–  edge     dev         off    liveness must never hide behind load or a limit (priority 50)',
        '1  edge     monitoring         shows the inside to its operators, whatever the load (priority 90)',
        '2  protect  quota              because (priority 50)',
        '3  reuse    cache              a hit takes no place in the queue (priority 50)',
      ].join('\n'),
    );
  });
});

describe('a stack under way', () => {
  test('switches, reorders and scopes for requests to come', async () => {
    const app = express();
    const stack = setup(app, [marking('a'), marking('b'), marking('c')], {
      disabled: ['b'],
      priorities: { c: 10 },
      routes: { a: { include: ['/api/*'], exclude: ['/api/private'] } },
    });
    app.use((_req, res) => void res.send('ok'));
    await listening(stack, async (url) => {
      expect(await passed(`${url}/`)).toBe('c');
      expect(await passed(`${url}/API/x?y=1`)).toBe('c, a');
      expect(await passed(`${url}/api/Private/`)).toBe('c');
      expect(await passed(`${url}/apix`)).toBe('c');
      stack.enable('b');
      stack.reorder('b', 1);
      expect(await passed(`${url}/api`)).toBe('b, c, a');
      stack.disable('c');
      expect(await passed(`${url}/api`)).toBe('b, a');
    });
  });

  test('keeps the pipeline that a request has started with', async () => {
    const app = express();
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const waiting = defineMiddleware({
      name: 'waiting',
      phase: 'edge',
      step: () => {
        entered();
        return gate;
      },
    });
    const stack = setup(app, [waiting, marking('a')]);
    app.use((_req, res) => void res.send('ok'));
    await listening(stack, async (url) => {
      const first = passed(url);
      await inside;
      stack.disable('a');
      go();
      expect(await first).toBe('a');
      expect(await passed(url)).toBeNull();
    });
  });

  test('refuses to switch off what another needs, and stays as it was', () => {
    const stack = setup(express(), [
      named('store'),
      named('limit', 'shape', { requires: ['store'] }),
    ]);
    expect(() => stack.disable('store')).toThrow(/"limit" requires "store".*disabled/);
    expect(stack.explain().rows.find(({ name }) => name === 'store')?.state).toBe('on');
    expect(() => stack.reorder('store', 1.5)).toThrow(/whole number/);
    expect(() => stack.enable('stroe')).toThrow(/did you mean "store"/);
  });

  test('reaches routes that are mounted while it serves', async () => {
    const app = express();
    await listening(setup(app, []), async (url) => {
      expect((await fetch(`${url}/late`)).status).toBe(404);
      app.get('/late', (_req, res) => void res.send('ok'));
      expect((await fetch(`${url}/late`)).status).toBe(200);
    });
  });
});

describe('a life', () => {
  const part = (name: string, log: string[], more: object = {}) =>
    Object.assign(
      defineComponent(name, {
        start: () => void log.push(`start ${name}`),
        close: () => void log.push(`close ${name}`),
      }),
      more,
    );

  test('starts what is needed first, and closes the other way round, once', async () => {
    const log: string[] = [];
    const stack = setup(express(), [part('web', log, { requires: ['db'] }), part('db', log)], {
      monitoring: false,
    });
    await stack.start();
    await stack.start();
    const report = await stack.close();
    expect(await stack.close()).toBe(report);
    expect(log).toEqual(['start db', 'start web', 'close web', 'close db']);
    expect(report).toMatchObject({ closed: ['web', 'db'], hung: [], failed: [] });
  });

  test('closes what has started when one cannot start, and names it', async () => {
    const log: string[] = [];
    const broken = part('broken', log, {
      start: () => Promise.reject(new Error('no route to host')),
    });
    const stack = setup(express(), [part('db', log), broken, part('never', log)]);
    await expect(stack.listen(0)).rejects.toThrow(
      /"broken" could not start: Error: no route to host/,
    );
    expect(log).toEqual(['start db', 'close broken', 'close db']);
  });

  test('holds nobody up for one that hangs, and says who it was', async () => {
    const log: string[] = [];
    let gaveUp = false;
    const hanging = part('hanging', log, {
      close: (signal: AbortSignal) =>
        new Promise<void>(() => signal.addEventListener('abort', () => (gaveUp = true))),
    });
    const failing = part('failing', log, { close: () => Promise.reject(new Error('half closed')) });
    const stack = setup(express(), [part('db', log), hanging, failing], { closeTimeoutMs: 5 });
    await stack.start();
    const { closed, hung, failed } = await stack.close();
    expect([closed.includes('db'), hung, failed.map(({ name }) => name), gaveUp]).toEqual([
      true,
      ['hanging'],
      ['failing'],
      true,
    ]);
    const stuck = part('stuck', log, { start: () => new Promise<void>(() => undefined) });
    await expect(setup(express(), [stuck], { startTimeoutMs: 5 }).start()).rejects.toThrow(
      /"stuck" did not start within 5 ms/,
    );
  });

  test('shows components the whole they belong to', async () => {
    const states: string[] = [];
    const app = express();
    const seen: { components?: string[]; servers: number } = { servers: 0 };
    const curious = defineComponent('curious', {
      attach(host: Host) {
        states.push(host.state);
        seen.components = host.components().map(({ name }) => name);
        host.onServer(() => void seen.servers++);
        app.get('/state', (_req, res) => void res.send(host.state));
        app.get('/drain', (_req, res) => {
          host.drain();
          res.send(host.state);
        });
      },
    });
    const stack = setup(app, [curious, named('a')], { monitoring: false });
    await listening(stack, async (url) => {
      expect(await (await fetch(`${url}/state`)).text()).toBe('ready');
      expect(await (await fetch(`${url}/drain`)).text()).toBe('draining');
    });
    expect([states, seen]).toEqual([['starting'], { components: ['curious', 'a'], servers: 1 }]);
  });
});

type Listener = Parameters<typeof internalRequest>[0];

describe('a request of the house’s own', () => {
  const clock = fakeClock();
  const asking = { url: '/things/7', headers: { host: 'example.org' }, encrypted: true, clock };
  const doubling = defineStages({ transform: (value) => ({ data: value }) });

  /** A stack whose components note what passes. */
  function assembled(): { stack: Stack; handle: Listener; done: Exchange[] } {
    const done: Exchange[] = [];
    let host: Host | undefined;
    const app = express();
    const noting = defineStages({ done: (exchange) => void done.push(exchange) });
    const stack = setup(app, [
      defineComponent('house', { attach: (given: Host) => void (host = given) }),
      defineMiddleware({ name: 'passing', phase: 'shape', handle: passingOn }),
      defineMiddleware({
        name: 'tapping',
        phase: 'observe',
        step: (exchange) => (exchange.tap(noting), exchange.tap(doubling)),
      }),
      defineMiddleware({ name: 'body', phase: 'read', handle: express.json() }),
    ]);
    app.get('/things/:id', (req, res) => {
      res.json({ id: req.params.id, protocol: req.protocol, host: req.hostname });
    });
    app.get('/broken', async () => {
      throw new Error('a secret');
    });
    return { stack, handle: (req, res) => host!.handle(req, res), done };
  }

  test.each<[string, (made: ReturnType<typeof assembled>) => Listener]>([
    ['the host that its components are given', ({ handle }) => handle],
    ['the listener of the stack', ({ stack }) => stack.listener as unknown as Listener],
  ])('runs through the whole by %s', async (_what, listenerOf) => {
    const made = assembled();
    await made.stack.start();
    const listener = listenerOf(made);
    const bodies: string[] = [];
    const capture = defineStages({
      capture: () => ({
        write: (chunk) => void bodies.push(chunk.toString()),
        end: () => undefined,
        abort: () => undefined,
      }),
    });
    const ask = (url: string): Promise<Exchange> =>
      internalRequest(listener, { ...asking, url }, (exchange) => exchange.tap(capture));
    const found = await ask('/things/7');
    expect(found).toMatchObject({ internal: true, aborted: false, route: '/things/:id' });
    expect(found.res.getHeader('x-passed')).toBe('plain');
    const missing = await ask('/nowhere');
    expect([missing.res.statusCode, missing.route]).toEqual([404, undefined]);
    expect((await ask('/broken')).res.statusCode).toBe(500);
    expect(bodies[0]).toBe('{"data":{"id":"7","protocol":"https","host":"example.org"}}');
    expect(bodies.join()).not.toContain('secret');
    expect(made.done).toHaveLength(3);
    await made.stack.close();
  });

  test('is of no other kind than one from outside', async () => {
    const { stack, handle, done } = assembled();
    await listening(stack, async (url) => {
      const inside = await internalRequest(handle, {
        url: '/things/7',
        headers: { host: new URL(url).host },
      });
      const answer = await fetch(`${url}/things/7`);
      const { date: _date, ...headers } = inside.res.getHeaders();
      for (const [name, value] of Object.entries(headers))
        expect([name, answer.headers.get(name)]).toEqual([name, String(value)]);
      expect(answer.status).toBe(inside.res.statusCode);
      await answer.text();
    });
    expect(done.map(({ internal }) => internal)).toEqual([true, false]);
  });
});

describe('a lazy component', () => {
  const placed = { name: 'late', phase: 'shape' } as const;
  const app = (): Express => express();
  const withRoute = (one: Express): void => void one.use((_req, res) => void res.send('ok'));

  test('is loaded by the first use, once, however many come at once', async () => {
    let loads = 0;
    const one = app();
    const stack = setup(one, [
      lazy(placed, () => {
        loads++;
        return Promise.resolve(marking('late'));
      }),
    ]);
    withRoute(one);
    await listening(stack, async (url) => {
      expect([loads, stack.explain().rows[1]?.state]).toEqual([0, 'lazy']);
      expect(await Promise.all([passed(url), passed(url), passed(url)])).toEqual([
        'late',
        'late',
        'late',
      ]);
      expect([loads, stack.explain().rows[1]?.state]).toEqual([1, 'on']);
    });
  });

  test('is never loaded while it is switched off', async () => {
    let loads = 0;
    const one = app();
    const load = () => {
      loads++;
      return Promise.resolve(marking('late'));
    };
    const stack = setup(one, [lazy(placed, load, { when: 'listening' })], { disabled: ['late'] });
    withRoute(one);
    await listening(stack, async (url) => expect(await passed(url)).toBeNull());
    expect(loads).toBe(0);
  });

  test('can be loaded once the server listens', async () => {
    let loaded: (state: string) => void = () => undefined;
    const done = new Promise<string>((resolve) => (loaded = resolve));
    const late = marking('late', 'shape', { start: () => loaded('started') });
    const stack = setup(app(), [lazy(placed, () => Promise.resolve(late), { when: 'listening' })]);
    await listening(stack, async () => expect(await done).toBe('started'));
  });

  test('may stand for several of one factory', async () => {
    const one = app();
    const stack = setup(one, [
      lazy([{ name: 'early', phase: 'edge' }, placed], () =>
        Promise.resolve([marking('early', 'edge'), marking('late')]),
      ),
    ]);
    withRoute(one);
    await listening(stack, async (url) => expect(await passed(url)).toBe('early, late'));
  });

  test('runs a plain handler that it loads, and its errors', async () => {
    const one = app();
    const load = () =>
      Promise.resolve(
        defineMiddleware({
          name: 'late',
          phase: 'shape',
          handle: (req, res, next) => {
            if (req.path === '/answers') res.send('by the handler');
            else if (req.path === '/fails')
              next(Object.assign(new Error('refused'), { status: 418 }));
            else next();
          },
        }),
      );
    for (const path of ['/answers', '/fails', '/passes']) {
      const fresh = app();
      const stack = setup(fresh, [lazy(placed, load)]);
      withRoute(fresh);
      await listening(stack, async (url) => {
        const answers = [await fetch(url + path), await fetch(url + path)].map(
          (answer) => answer.status,
        );
        expect(answers).toEqual(path === '/fails' ? [418, 418] : [200, 200]);
      });
    }
    void one;
  });

  test.each([
    ['is passed over while it cannot be loaded, when it only serves', false, 200],
    ['refuses while it cannot be loaded, when it protects', true, 503],
  ])('%s', async (_what, protects, status) => {
    const clock = fakeClock();
    let loads = 0;
    const one = app();
    const load = () =>
      ++loads < 3 ? Promise.reject(new Error('broken package')) : Promise.resolve(marking('late'));
    const stack = setup(one, [lazy({ ...placed, protects }, load, { clock, retryMs: 1000 })]);
    withRoute(one);
    const faults = await faultsOf(() =>
      listening(stack, async (url) => {
        expect((await fetch(url)).status).toBe(status);
        expect((await fetch(url)).status).toBe(status);
        expect(loads).toBe(1);
        expect((await (await fetch(`${url}/health/middleware`)).json()) as object).toMatchObject({
          components: { late: { status: protects ? 'fail' : 'warn' } },
        });
        clock.advance(1000);
        expect((await fetch(url)).status).toBe(status);
        clock.advance(1999);
        expect((await fetch(url)).status).toBe(status);
        expect(loads).toBe(2);
        clock.advance(1);
        expect(await passed(url)).toBe('late');
        expect(await passed(url)).toBe('late');
        expect([loads, stack.stats().late]).toEqual([3, { loaded: true, loadFailuresTotal: 2 }]);
      }),
    );
    expect(faults.map(({ where }) => where)).toEqual(['loading of late', 'loading of late']);
  });
});

describe('the monitoring routes', () => {
  test('show health, numbers and pipeline to loopback', async () => {
    const app = express();
    const counting = marking('counting', 'shape', {
      stats: () => ({ seenTotal: 3 }),
      health: () => ({ status: 'fail', detail: 'down' }),
    });
    await listening(setup(app, [counting]), async (url) => {
      const stats = await fetch(`${url}/api/middleware/stats`);
      expect(await stats.json()).toEqual({ components: { counting: { seenTotal: 3 } } });
      expect(stats.headers.get('cache-control')).toBe('no-store');
      expect(stats.headers.get('x-content-type-options')).toBe('nosniff');
      const health = await fetch(`${url}/health/middleware?x`);
      expect([health.status, await health.json()]).toEqual([
        503,
        {
          status: 'fail',
          components: {
            counting: { status: 'fail', detail: 'down' },
            monitoring: { status: 'pass' },
          },
        },
      ]);
      const pipeline = (await (await fetch(`${url}/api/middleware/pipeline`)).json()) as {
        pipeline: unknown[];
      };
      expect(pipeline.pipeline).toHaveLength(2);
    });
  });

  test('are closed to others, open with the token, and can be left out', async () => {
    const token = 'sixteen characters';
    const remote = { 'x-forwarded-for': '203.0.113.7' };
    const closed = setup(express(), [], { monitoring: token.replace(' ', '-') });
    await listening(closed, async (url) => {
      const refused = await fetch(`${url}/api/middleware/stats`, { headers: remote });
      expect([refused.status, await refused.json()]).toMatchObject([
        403,
        { code: 'ERR_MONITORING_CLOSED' },
      ]);
      const headers = { ...remote, authorization: `Bearer ${token.replace(' ', '-')}` };
      expect((await fetch(`${url}/api/middleware/stats`, { headers })).status).toBe(200);
    });
    await listening(setup(express(), [], { monitoring: false }), async (url) => {
      expect((await fetch(`${url}/api/middleware/stats`)).status).toBe(404);
    });
  });
});

describe('the last answers', () => {
  test('are problem documents, and never a stack', async () => {
    const app = express();
    const stack = setup(app, []);
    app.get('/fails', () => {
      throw new Error('the password is 1234');
    });
    app.get('/refused', () => {
      throw Object.assign(new Error('too big'), { status: 413 });
    });
    await listening(stack, async (url) => {
      const fails = await fetch(`${url}/fails`);
      expect(fails.headers.get('content-type')).toBe('application/problem+json');
      expect(await fails.json()).toEqual({
        type: 'about:blank',
        title: 'Internal Server Error',
        status: 500,
        code: 'ERR_INTERNAL',
      });
      expect(await (await fetch(`${url}/refused`)).json()).toMatchObject({
        status: 413,
        detail: 'too big',
      });
      expect(await (await fetch(`${url}/nowhere`)).json()).toMatchObject({
        status: 404,
        code: 'ERR_NOT_FOUND',
      });
    });
  });

  test('are there for a server of one’s own, too, as they are by then', async () => {
    const app = express();
    const rich = Object.assign(named('rich', 'recover'), {
      handler: ((error: Error, _req, res, _next) =>
        void res.status(500).send(`rich: ${error.message}`)) as express.ErrorRequestHandler,
    });
    const late = lazy({ name: 'rich', phase: 'recover' }, () => Promise.resolve(rich));
    const stack = setup(app, [late]);
    app.get('/fails', () => {
      throw new Error('oops');
    });
    app.use(stack.lastAnswers as express.RequestHandler[]);
    await late.load();
    const { url, close } = await serve(app);
    expect(await (await fetch(`${url}/fails`)).text()).toBe('rich: oops');
    expect(await (await fetch(`${url}/nowhere`)).text()).toContain('nothing at this address');
    const options = await fetch(`${url}/fails`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([200, 'GET, HEAD']);
    await close();
  });

  test('come from a recoverer where there is one, and survive one that throws', async () => {
    const recoverer = (name: string, answer: string) =>
      Object.assign(named(name, 'recover'), {
        handler: ((error: Error, _req, res, _next) => {
          if (error.message === 'broken') throw new Error(`no answer from ${name}`);
          res.status(500).send(`${answer}: ${error.message}`);
        }) as express.ErrorRequestHandler,
      });
    const app = express();
    const stack = setup(app, [recoverer('polite', 'sorry')]);
    app.get('/:error', (req) => {
      throw new Error(req.params.error);
    });
    await listening(stack, async (url) => {
      expect(await (await fetch(`${url}/oops`)).text()).toBe('sorry: oops');
      expect(await (await fetch(`${url}/broken`)).json()).toMatchObject({ code: 'ERR_INTERNAL' });
    });
  });

  test('leave errors to the handlers that the user mounted', async () => {
    const app = express();
    const stack = setup(app, [
      defineMiddleware({
        name: 'fails',
        phase: 'read',
        step: () => Promise.reject(new Error('early')),
      }),
    ]);
    app.use(
      ((error: Error, _req, res, _next) =>
        void res.status(499).send(error.message)) as express.ErrorRequestHandler,
    );
    await listening(stack, async (url) => {
      const answer = await fetch(url);
      expect([answer.status, await answer.text()]).toEqual([499, 'early']);
    });
  });
});

describe('a server of one’s own', () => {
  test('runs the stack by app.use at the same place, once, mounted twice or not', async () => {
    const app = express();
    const stack = setup(app, [marking('a')], { mount: false });
    app.use('/v1', stack, stack);
    app.use((_req: Request, res: Response) => void res.send('ok'));
    const { url, close } = await serve(app);
    expect(await passed(`${url}/v1/x`)).toBe('a');
    expect(await passed(`${url}/v2`)).toBeNull();
    await close();
    const other = express();
    const ahead = setup(other, [marking('a')]);
    await ahead.start();
    const own = await serve(ahead.listener as never);
    expect(await passed(own.url)).toBe('a');
    await own.close();
    await ahead.close();
  });

  test('has responses answered ahead of Express go through the tap', async () => {
    const stages = defineStages({ head: (head) => head.set('X-Tap', '1') });
    const app = express();
    const answering = defineMiddleware({
      name: 'answering',
      phase: 'reuse',
      step: (exchange) => {
        exchange.tap(stages);
        exchange.res.end('hit');
        return HANDLED;
      },
    });
    await listening(setup(app, [answering]), async (url) => {
      const answer = await fetch(url);
      expect([answer.headers.get('x-tap'), await answer.text()]).toEqual(['1', 'hit']);
    });
  });
});
