import { getMaxListeners } from 'node:events';
import express, { type RequestHandler } from 'express';

import {
  defineMiddleware,
  Exchange,
  exchangeOf,
  EXCHANGE,
  HANDLED,
  isComponent,
  isMiddleware,
  type MonitoringAccess,
  monitoringGuard,
  stateKey,
} from '@org/core';
import { fakeClock, recordExchanges, serve } from '@org/core/testing';

/** Serves an app whose handlers keep their exchanges, and gives those to the test. */
async function exchangesOf(
  build: (app: express.Express) => void,
  ask: (url: string) => Promise<unknown>,
): Promise<readonly Exchange[]> {
  const app = express();
  const recorder = recordExchanges();
  app.use(recorder.middleware as RequestHandler);
  build(app);
  const { url, close } = await serve(app);
  await ask(url);
  await recorder.waitFor(1);
  await close();
  return recorder.settled;
}

const get = async (url: string): Promise<string> => await (await fetch(url)).text();

describe('the route pattern', () => {
  const ok: RequestHandler = (_req, res) => void res.send('ok');
  const cities = (): express.Router =>
    express.Router().get('/', ok).get('/:id', ok).get(['/:id/near', '/:id/nearby'], ok);

  test.each<[string, (app: express.Express) => void, string, string | undefined]>([
    ['a route of the app', (app) => app.get('/users/:id', ok), '/users/7', '/users/:id'],
    [
      'a route below a mount',
      (app) => app.use('/api/cities', cities()),
      '/api/cities/7',
      '/api/cities/:id',
    ],
    [
      'the root of a mount',
      (app) => app.use('/api/cities', cities()),
      '/api/cities',
      '/api/cities',
    ],
    [
      'a mount with a parameter',
      (app) => app.use('/:tenant', express.Router().use('/cities', cities())),
      '/acme/cities/7',
      '/:tenant/cities/:id',
    ],
    [
      'one router on two mounts',
      (app) => {
        const shared = cities();
        app.use('/a', shared).use('/b', shared);
      },
      '/b/7',
      '/b/:id',
    ],
    ['one of several paths', (app) => app.use('/c', cities()), '/c/7/nearby', '/c/:id/nearby'],
    [
      'an app in an app',
      (app) => app.use('/in', express().use('/c', cities())),
      '/in/c/7',
      '/in/c/:id',
    ],
    ['a wildcard', (app) => app.get('/files/*path', ok), '/files/a/b', '/files/*path'],
    ['a regular expression', (app) => app.get(/^\/r(\d+)$/, ok), '/r12', '/^\\/r(\\d+)$/'],
    ['nothing that matched', (app) => app.use('/api', cities()), '/elsewhere', undefined],
  ])('of %s is composed', async (_what, build, path, expected) => {
    const [exchange] = await exchangesOf(build, (url) => get(url + path));
    expect(exchange!.route).toBe(expected);
  });

  test('of a route that was added later is found', async () => {
    const settled = await exchangesOf(
      (app) => {
        app.get('/first', ok);
        app.get('/add', (_req, res) => {
          app.get('/later/:id', ok);
          res.send('ok');
        });
      },
      async (url) => {
        for (const path of ['/first', '/add', '/later/1']) await get(url + path);
      },
    );
    expect(settled.map(({ route }) => route)).toEqual(['/first', '/add', '/later/:id']);
  });

  test('is what was set, when somebody knows better', async () => {
    const [exchange] = await exchangesOf(
      (app) =>
        app.all('/*path', (req, res) => {
          exchangeOf(req, res).route = undefined;
          res.send('ok');
        }),
      (url) => get(`${url}/x`),
    );
    expect(exchange!.route).toBeUndefined();
  });
});

describe('an exchange', () => {
  test('is one per request, for whoever asks', async () => {
    const seen = new Set<unknown>();
    await exchangesOf(
      (app) =>
        app.get('/', (req, res) => {
          seen.add(exchangeOf(req, res)).add(exchangeOf(req, res));
          seen.add((req as unknown as Record<symbol, unknown>)[EXCHANGE]);
          res.send('ok');
        }),
      get,
    );
    expect(seen.size).toBe(1);
  });

  test('has an id of its own until somebody sets one', async () => {
    const [exchange] = await exchangesOf(
      (app) => app.get('/', (_req, res) => void res.send('ok')),
      get,
    );
    const made = exchange!.id;
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
    expect(exchange!.id).toBe(made);
    exchange!.id = 'given';
    expect(exchange!.id).toBe('given');
  });

  test.each([7, null, { id: 'ann' }])('refuses %j as its id and principal', async (who) => {
    const [exchange] = await exchangesOf(
      (app) => app.get('/', (_req, res) => void res.send('ok')),
      get,
    );
    for (const name of ['id', 'principal']) {
      expect(() => Object.assign(exchange!, { [name]: who })).toThrow(
        /exchange\.\w+ must be text.*, but is (of type \w+|null)\. Write String/,
      );
    }
    expect(exchange!.peekPrincipal()).toBeUndefined();
    expect(exchange!.id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('knows whether somebody looked at the principal', async () => {
    const [exchange] = await exchangesOf(
      (app) => app.get('/', (_req, res) => void res.send('ok')),
      get,
    );
    exchange!.principal = 'ann';
    expect([exchange!.peekPrincipal(), exchange!.principalRead]).toEqual(['ann', false]);
    expect([exchange!.principal, exchange!.principalRead]).toEqual(['ann', true]);
  });

  test('keeps the state of each owner apart', async () => {
    const [exchange] = await exchangesOf(
      (app) => app.get('/', (_req, res) => void res.send('ok')),
      get,
    );
    const [one, other] = [stateKey<number>('cache'), stateKey<number>('cache')];
    exchange!.setState(one, 1);
    expect([exchange!.getState(one), exchange!.getState(other)]).toEqual([1, undefined]);
  });

  test('measures by its clock', async () => {
    const clock = fakeClock();
    const durations: number[] = [];
    const { url, close } = await serve(
      express().get('/', (req, res) => {
        const exchange = exchangeOf(req, res, clock);
        exchange.deadlineMs = clock.monotonicMs() + 100;
        clock.advance(40);
        durations.push(
          exchange.durationMs,
          exchange.remainingMs,
          exchange.startedAt - Date.UTC(2026, 0, 1),
        );
        clock.advance(100);
        durations.push(exchange.remainingMs);
        res.send('ok');
      }),
    );
    await get(url);
    await close();
    expect(durations).toEqual([40, 60, 0, 0]);
  });

  test('has a signal that any number may listen to: Node takes more than ten for a leak', async () => {
    const [exchange] = await exchangesOf(
      (app) => app.get('/', (_req, res) => void res.end()),
      (url) => fetch(url),
    );
    expect(getMaxListeners(exchange!.signal)).toBe(Infinity);
  });

  test('aborts its signal when the client goes away, and not when all went well', async () => {
    let waiting: (exchange: Exchange) => void = () => undefined;
    const cut = new Promise<Exchange>((resolve) => (waiting = resolve));
    const fine: AbortSignal[] = [];
    const { url, close } = await serve(
      express()
        .get('/fine', (req, res) => {
          fine.push(exchangeOf(req, res).signal);
          res.send('ok');
        })
        .get('/cut', (req, res) => waiting(exchangeOf(req, res))),
    );
    await get(`${url}/fine`);
    const gone = new AbortController();
    const asked = fetch(`${url}/cut`, { signal: gone.signal }).catch(() => 'cut');
    const exchange = await cut;
    const aborted = new Promise((resolve) => exchange.signal.addEventListener('abort', resolve));
    gone.abort();
    await aborted;
    expect(exchange.signal.reason).toMatchObject({ code: 'ERR_CLIENT_CLOSED', status: 499 });
    expect(fine[0]!.aborted).toBe(false);
    expect(await asked).toBe('cut');
    await close();
  });
});

describe('a middleware', () => {
  const define = (step: Parameters<typeof defineMiddleware>[0]['step']): RequestHandler =>
    defineMiddleware({ name: 'under-test', phase: 'shape', step: step! }) as RequestHandler;

  test.each<[string, RequestHandler, string]>([
    ['goes on after a step', define(() => undefined), 'handler'],
    ['goes on after a promise', define(() => Promise.resolve()), 'handler'],
    ['stops where a step answered', define(({ res }) => (res.send('step'), HANDLED)), 'step'],
    [
      'stops where a promise answered',
      define(async ({ res }) => {
        res.send('step');
        return HANDLED;
      }),
      'step',
    ],
    [
      'hands a throw to the error handlers',
      define(() => {
        throw new Error('thrown');
      }),
      'error: thrown',
    ],
    [
      'hands a rejection to the error handlers',
      define(() => Promise.reject(new Error('rejected'))),
      'error: rejected',
    ],
  ])('%s', async (_what, middleware, expected) => {
    const app = express()
      .use(middleware)
      .get('/', (_req, res) => void res.send('handler'));
    app.use(
      ((error: Error, _req, res, _next) =>
        void res.send(`error: ${error.message}`)) as express.ErrorRequestHandler,
    );
    const { url, close } = await serve(app);
    expect(await get(url)).toBe(expected);
    await close();
  });

  test('leaves the handler that it wraps as it was', () => {
    const handle: RequestHandler = (_req, _res, next) => next();
    const made = defineMiddleware({ name: 'wrapping', phase: 'read', handle, priority: 7 });
    expect([made.name, made.length, made.phase, made.priority]).toEqual(['wrapping', 3, 'read', 7]);
    expect([handle.name, isComponent(handle), isMiddleware(made)]).toEqual(['handle', false, true]);
  });
});

describe('the monitoring guard', () => {
  const allowed = async (
    access: MonitoringAccess | undefined,
    headers: Record<string, string>,
    trust?: unknown,
  ): Promise<boolean> => {
    const guard = monitoringGuard(access);
    const app = express();
    if (trust !== undefined) app.set('trust proxy', trust);
    app.get('/', (req, res) => void res.send(String(guard(req))));
    const { url, close } = await serve(app);
    const answer = await (await fetch(url, { headers })).text();
    await close();
    return answer === 'true';
  };
  const TOKEN = 'a-token-of-some-length';

  test.each<[string, Parameters<typeof allowed>, boolean]>([
    ['lets loopback in', [undefined, {}], true],
    [
      'takes nobody behind a local proxy for local',
      [undefined, { 'x-forwarded-for': '203.0.113.9' }],
      false,
    ],
    [
      'takes nobody at his word that he is local',
      [undefined, { 'x-forwarded-for': '127.0.0.1' }],
      false,
    ],
    [
      'believes a trusted proxy',
      [undefined, { 'x-forwarded-for': '203.0.113.9' }, 'loopback'],
      false,
    ],
    [
      'lets the token in',
      [TOKEN, { 'x-forwarded-for': '203.0.113.9', authorization: `Bearer ${TOKEN}` }],
      true,
    ],
    [
      'refuses another token',
      [TOKEN, { 'x-forwarded-for': '203.0.113.9', authorization: 'Bearer x' }],
      false,
    ],
    ['refuses without a token', [TOKEN, { 'x-forwarded-for': '203.0.113.9' }], false],
    ['lets the owner decide', [() => false, {}], false],
    ['takes no promise for a yes', [(() => Promise.resolve(true)) as never, {}], false],
  ])('%s', async (_what, args, expected) => {
    expect(await allowed(...args)).toBe(expected);
  });
});

test('the headers at one moment do not change with those of the response', async () => {
  let before: unknown;
  let after: unknown;
  const [exchange] = await exchangesOf(
    (app) => {
      app.get('/', (req, res) => {
        const { head } = exchangeOf(req, res);
        res.set({ 'X-One': '1', Link: ['<a>', '<b>'] });
        before = head.all();
        res.append('Link', '<c>').set('X-Two', '2').removeHeader('X-One');
        after = head.all();
        res.end();
      });
    },
    (url) => get(url),
  );
  expect(exchange!.res.statusCode).toBe(200);
  expect({ ...(before as object) }).toMatchObject({ 'x-one': '1', link: ['<a>', '<b>'] });
  expect(before).not.toHaveProperty('x-two');
  expect({ ...(after as object) }).toMatchObject({ 'x-two': '2', link: ['<a>', '<b>', '<c>'] });
});

test('each owner keeps its own state in an exchange, and may replace it', () => {
  const exchange = new Exchange({} as never, {} as never);
  const [one, other, none] = ['one', 'other', 'none'].map((name) => stateKey<number>(name));
  exchange.setState(one!, 1);
  exchange.setState(other!, 2);
  exchange.setState(one!, 3);
  expect([one, other, none].map((key) => exchange.getState(key!))).toEqual([3, 2, undefined]);
});
