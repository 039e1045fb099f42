import { once } from 'node:events';
import { request } from 'node:http';
import { defineMiddleware, exchangeOf, HANDLED, OptionError, type ProblemError } from '@org/core';
import { fakeClock, type FakeClock, recordExchanges, serve } from '@org/core/testing';
import { setup } from '@org/setup';
import {
  type Analytics,
  analytics,
  memoryStore,
  postgresStore,
  type AnalyticsOptions,
  type AnalyticsStore,
  type ConsumerReport,
  type ConsumersReport,
  type EndpointsReport,
  type PopularReport,
  type Row,
  type Summary,
  type UnusedReport,
} from '@org/analytics';
import express, { type Express } from 'express';

const MINUTE_MS = 60_000;
const SECRET = 'a secret of many letters';
const START = Date.UTC(2026, 0, 1, 12, 30);

interface Watched {
  readonly url: string;
  readonly analytics: Analytics;
  readonly clock: FakeClock;
  /** Asks, and waits until the exchange is over. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** Waits until so many exchanges are over. */
  settled(count: number): Promise<unknown>;
  report<T>(path: string): Promise<T>;
}

let closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

async function watch(
  options: Partial<AnalyticsOptions> = {},
  routes: (app: Express) => void = places,
): Promise<Watched> {
  const clock = fakeClock(START);
  const made = analytics({ clock, smallestGroup: 1, ...options });
  const recorder = recordExchanges();
  const app = express();
  app.use(made, recorder.middleware);
  routes(app);
  app.use((error: Partial<ProblemError>, _req: unknown, res: express.Response, _next: unknown) => {
    res
      .status(error.status ?? 500)
      .json({ code: error.code, errors: error.extensions?.['errors'] });
  });
  const { url, close } = await serve(app);
  closing.push(close, () => Promise.all(made.map(async (one) => one.close?.(AbortSignal.abort()))));
  let asked = 0;
  const settled = (count: number): Promise<unknown> => recorder.waitFor(count);
  return {
    url,
    analytics: made,
    clock,
    settled,
    async ask(path, init) {
      const response = await fetch(url + path, init);
      await response.arrayBuffer();
      await settled(++asked);
      return response;
    },
    report: async <T>(path: string) =>
      (await (await fetch(`${url}/api/analytics/${path}`)).json()) as T,
  };
}

function places(app: Express): void {
  app.get('/cities/:id', (req, res) => {
    const { id } = req.params;
    if (id === 'none') res.status(404).json({});
    else if (id === 'fails') res.status(500).json({});
    else res.json({ id });
  });
  app.post('/cities', (_req, res) => res.status(201).end());
}

const headers = (ip: string): RequestInit => ({ headers: { 'x-forwarded-for': ip } });
const behindProxy = (app: Express): void => {
  app.set('trust proxy', true);
  places(app);
};

async function rowsOf(store: AnalyticsStore): Promise<readonly Row[]> {
  const range = { fromAt: 0, toAt: Number.MAX_SAFE_INTEGER, limit: 1000 };
  const read = (tier: Row['tier'], kind: Row['kind']) => store.read({ tier, kind, ...range });
  return (
    await Promise.all([
      read('minute', 'endpoints'),
      read('minute', 'consumers'),
      read('hour', 'endpoints'),
      read('hour', 'consumers'),
      read('control', 'erasure'),
    ])
  ).flat();
}

describe('endpoints', () => {
  test('are counted by the pattern of their route and their method, with how it ended', async () => {
    const { ask, report } = await watch();
    for (const id of ['1', '2', 'none', 'fails']) await ask(`/cities/${id}`);
    await ask('/cities/1', { method: 'HEAD' });
    await ask('/cities', { method: 'POST' });
    const { items, next } = await report<EndpointsReport>('endpoints');
    expect(next).toBeNull();
    expect(items.map(({ method, route, requests }) => [method, route, requests])).toEqual([
      ['POST', '/cities', 1],
      ['GET', '/cities/:id', 4],
      ['HEAD', '/cities/:id', 1],
    ]);
    expect(items[1]).toMatchObject({
      clientErrors: 1,
      serverErrors: 1,
      errorRatio: 0.25,
      aborted: 0,
      bytes: '{"id":"1"}{"id":"2"}{}{}'.length,
      consumers: { value: 1, confidence: 0.95 },
      latencyMs: { p50: { confidence: 1 }, max: expect.any(Number) },
    });
    expect(items[2]).toMatchObject({ bytes: 0 });
  });

  test('are not what scanners try: addresses without a route are one bucket', async () => {
    const { ask, report } = await watch();
    for (let at = 0; at < 50; at++) await ask(`/wp-admin/${at}.php`);
    await ask('/cities/1');
    const summary = await report<Summary>('summary');
    expect(summary).toMatchObject({
      requests: 1,
      endpoints: 1,
      unrouted: { requests: 50, notFound: 50, clientErrors: 0 },
    });
  });

  test('what is refused above its route is counted apart from what is not there', async () => {
    const { ask, report } = await watch({}, (app) => {
      app.use((req, res, next) => {
        if (req.headers['x-too-much'] === undefined) next();
        else res.status(429).end();
      });
      places(app);
    });
    await ask('/cities/1', { headers: { 'x-too-much': '1' } });
    const { unrouted, requests } = await report<Summary>('summary');
    expect(requests).toBe(0);
    expect(unrouted).toMatchObject({ requests: 1, notFound: 0, clientErrors: 1 });
  });

  test('beyond their bound are counted as one', async () => {
    const {
      ask,
      report,
      analytics: made,
    } = await watch({ maxEndpoints: 2 }, (app) => {
      for (let at = 0; at < 5; at++) app.get(`/r${at}`, (_req, res) => res.end());
    });
    for (let at = 0; at < 5; at++) await ask(`/r${at}`);
    expect(await report<Summary>('summary')).toMatchObject({
      requests: 5,
      endpoints: 2,
      overflowed: 3,
    });
    expect(await report<EndpointsReport>('endpoints')).toMatchObject({ overflowed: 3 });
    expect(made[1]!.stats!()).toMatchObject({ requestsTotal: 5, overflowedTotal: 3 });
  });

  test('whose answer is cut off have been asked for, by whom they were, and took no time', async () => {
    const { url, report, settled } = await watch({}, (app) => {
      app.get('/slow', (_req, res) => {
        res.write('begun');
      });
    });
    const asking = request(`${url}/slow`).end();
    asking.on('error', () => undefined);
    const [answer] = await once(asking, 'response');
    answer.on('error', () => undefined);
    asking.destroy();
    await settled(1);
    const { items } = await report<EndpointsReport>('endpoints');
    expect(items).toEqual([
      expect.objectContaining({
        route: '/slow',
        requests: 1,
        aborted: 1,
        consumers: expect.objectContaining({ value: 1 }),
        latencyMs: { p50: null, p95: null, p99: null, max: null },
      }),
    ]);
  });

  test('are not asked for by what the house does itself', async () => {
    const {
      ask,
      report,
      analytics: made,
    } = await watch({}, (app) => {
      app.use((req, res, next) => {
        exchangeOf(req, res).internal = req.headers['x-refresh'] !== undefined;
        next();
      });
      places(app);
    });
    await ask('/cities/1', { headers: { 'x-refresh': '1' } });
    await ask('/cities/1');
    expect(await report<Summary>('summary')).toMatchObject({ requests: 1 });
    expect(made).toHaveLength(2);
  });
});

describe('consumers', () => {
  test('are the principal, or else whom the option names, or else a network', async () => {
    const {
      ask,
      report,
      analytics: made,
    } = await watch(
      {
        consumer: ({ req }) => req.headers['x-app'] as string | undefined,
        secret: 'a secret of many letters',
      },
      (app) => {
        app.set('trust proxy', true);
        app.use((req, res, next) => {
          const who = req.headers['x-user'];
          if (typeof who === 'string') exchangeOf(req, res).principal = who;
          next();
        });
        places(app);
      },
    );
    await ask('/cities/1', { headers: { 'x-user': 'ada', 'x-app': 'maps' } });
    await ask('/cities/none', { headers: { 'x-user': 'ada' } });
    await ask('/cities/1', { headers: { 'x-app': 'maps' } });
    await ask('/nowhere', headers('192.0.2.7'));
    await ask('/cities/1', headers('192.0.2.200'));
    await ask('/cities/1', headers('2001:db8:1:2::3'));
    await ask('/cities/1', headers('2001:db8:1:ffff::3'));
    await ask('/cities/1', headers('198.51.100.1'));
    const { items, requests } = await report<ConsumersReport>('consumers');
    expect(requests).toBe(8);
    const shown = items.map(({ consumer, anonymous, requests: { value }, errors }) => ({
      consumer: anonymous ? 'network' : consumer,
      value,
      errors: errors.value,
    }));
    expect(shown).toHaveLength(5);
    expect(shown).toContainEqual({ consumer: made.idOf('ada'), value: 2, errors: 1 });
    expect(shown).toContainEqual({ consumer: made.idOf('maps'), value: 1, errors: 0 });
    const networks = shown.filter(({ consumer }) => consumer === 'network');
    expect(networks.map(({ value }) => value)).toEqual([2, 2, 1]);
    // Only who was given an endpoint is a consumer of the API.
    expect((await report<Summary>('summary')).consumers).toMatchObject({ value: 5 });
  });

  test('are kept under no name, address or network', async () => {
    const store = memoryStore();
    const { ask, analytics: made } = await watch(
      { store, consumer: ({ req }) => req.headers['x-app'] as string | undefined },
      behindProxy,
    );
    await ask('/cities/1', headers('203.0.113.77'));
    await ask('/cities/1', { headers: { 'x-app': 'maps-of-somebody' } });
    await made.flush();
    await made.erase('maps-of-somebody');
    const kept = JSON.stringify(await rowsOf(store));
    expect(kept).toContain('n-');
    for (const { payload } of await rowsOf(store))
      expect(JSON.parse(payload)).toBeInstanceOf(Object);
    for (const secret of ['203.0.113', '3405803776', 'maps-of-somebody']) {
      expect(kept).not.toContain(secret);
    }
  });

  test('that are anonymous are others on another day in UTC; those that are known are not', async () => {
    const {
      ask,
      report,
      clock,
      analytics: made,
    } = await watch(
      { consumer: ({ req }) => req.headers['x-app'] as string | undefined },
      behindProxy,
    );
    const day = async (): Promise<void> => {
      await ask('/cities/1', headers('192.0.2.1'));
      await ask('/cities/1', { headers: { 'x-app': 'maps' } });
      await made.flush();
    };
    await day();
    clock.advance(11 * 60 * MINUTE_MS + 29 * MINUTE_MS);
    await day();
    clock.advance(MINUTE_MS);
    await day();
    const { items } = await report<ConsumersReport>('consumers');
    const counts = (anonymous: boolean): number[] =>
      items.filter((item) => item.anonymous === anonymous).map(({ requests }) => requests.value);
    expect(counts(true)).toEqual([2, 1]);
    expect(counts(false)).toEqual([3]);
  });

  test('under random secrets are others to each instance; under one secret they are the same', () => {
    const id = (secret?: string): string => analytics({ secret }).idOf('ada');
    expect(id()).not.toBe(id());
    expect(id('a secret of many letters')).toBe(id('a secret of many letters'));
  });

  test('of a small group are shown as no more than that', async () => {
    const { ask, report } = await watch({ smallestGroup: 3 }, behindProxy);
    for (let at = 0; at < 2; at++) await ask('/cities/1', headers(`192.0.${at}.1`));
    for (let at = 0; at < 4; at++)
      await ask('/cities', { method: 'POST', ...headers('198.51.100.1') });
    const { items } = await report<EndpointsReport>('endpoints');
    expect(items.map(({ consumers }) => consumers)).toEqual([{ lessThan: 3 }, { lessThan: 3 }]);
    const summary = await report<Summary>('summary');
    expect(summary.consumers).toMatchObject({ value: 3 });
    const consumers = await report<ConsumersReport>('consumers');
    expect(consumers.items.map(({ requests }) => requests.value)).toEqual([4]);
    expect(consumers).toMatchObject({ requests: 6, unlistedAtMost: 2 });
  });

  test('can be looked at one by one, over time', async () => {
    const {
      ask,
      report,
      url,
      clock,
      analytics: made,
    } = await watch(
      { smallestGroup: 3, consumer: ({ req }) => req.headers['x-app'] as string | undefined },
      places,
    );
    const maps = { headers: { 'x-app': 'maps' } };
    for (const id of ['1', 'none', 'none', 'none']) await ask(`/cities/${id}`, maps);
    await made.flush();
    clock.advance(MINUTE_MS);
    await ask('/cities/1', maps);
    const path = `consumers/${made.idOf('maps')}?from=2026-01-01T12:29Z&step=minute`;
    expect(await report<ConsumerReport>(path)).toMatchObject({
      consumer: made.idOf('maps'),
      requests: { value: 5, atLeast: 5, atMost: 5, confidence: 1 },
      errors: { value: 3 },
      series: [
        { at: '2026-01-01T12:29:00.000Z', requests: { value: 0 } },
        { requests: { value: 4 }, errors: { value: 3 } },
        { requests: { lessThan: 3 }, errors: { value: 0 } },
      ],
    });
    const nobody = await report<ConsumerReport>(`consumers/${made.idOf('nobody')}`);
    expect(nobody.requests).toMatchObject({ value: 0, atMost: 0 });
    const named = await fetch(`${url}/api/analytics/consumers/maps`);
    expect([named.status, await named.text()]).toEqual([400, expect.stringContaining('idOf()')]);
  });

  test('are counted though naming them fails, and that is told', async () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { ask, report } = await watch({
      consumer: () => {
        throw new Error('no name today');
      },
    });
    await ask('/cities/1');
    expect((await report<ConsumersReport>('consumers')).items).toMatchObject([{ anonymous: true }]);
    expect(warned.mock.calls[0]![0]).toContain('no name today');
    warned.mockRestore();
  });

  test('can be erased, and what remains is said', async () => {
    const store = memoryStore();
    const {
      ask,
      report,
      analytics: made,
      clock,
    } = await watch(
      { store, consumer: ({ req }) => req.headers['x-app'] as string | undefined },
      behindProxy,
    );
    const maps = { headers: { 'x-app': 'maps' } };
    await ask('/cities/1', maps);
    await ask('/cities/1', headers('192.0.2.1'));
    await made.flush();
    clock.advance(MINUTE_MS);
    await ask('/cities/1', maps);
    const { rows, requests, remains } = await made.erase('maps');
    expect({ rows, requests }).toEqual({ rows: 1, requests: 1 });
    expect(remains.join(' ')).toMatch(/sketch.*backups.*random secrets/s);
    const { items } = await report<ConsumersReport>('consumers');
    expect(items).toMatchObject([{ anonymous: true }]);
    await made.erase({ address: '192.0.2.250' });
    expect((await report<ConsumersReport>('consumers')).items).toEqual([]);
    await expect(made.erase({ address: 'localhost' })).rejects.toThrow(RangeError);
    expect(await report<Summary>('summary')).toMatchObject({ requests: 3 });
    expect(JSON.stringify(made[1]!.stats!())).not.toMatch(/[cn]-/);
  });
});

describe('reports', () => {
  test('have periods in UTC that begin and end where rows do, and series without gaps', async () => {
    const { ask, report, clock } = await watch();
    await ask('/cities/1');
    clock.advance(2 * MINUTE_MS);
    await ask('/cities/2');
    const summary = await report<Summary>(
      'summary?from=2026-01-01T13:29:30%2B01:00&to=2026-01-01T12:33:00Z&step=minute',
    );
    expect(summary).toMatchObject({
      from: '2026-01-01T12:29:00.000Z',
      to: '2026-01-01T12:33:00.000Z',
      step: 'minute',
      dataFrom: '2026-01-01T12:30:00.000Z',
      requests: 2,
    });
    expect(summary.series.map(({ at, requests }) => [at.slice(11, 16), requests])).toEqual([
      ['12:29', 0],
      ['12:30', 1],
      ['12:31', 0],
      ['12:32', 1],
    ]);
    const hours = await report<Summary>('summary?from=2026-01-01&step=hour');
    expect(hours.series).toHaveLength(13);
    expect(hours.series.at(-1)).toMatchObject({ at: '2026-01-01T12:00:00.000Z', requests: 2 });
    expect(await report<Summary>('summary')).toMatchObject({ step: 'hour', requests: 2 });
  });

  test('tell of what there may be, however much is asked for', async () => {
    const { ask, report } = await watch();
    await ask('/cities/1');
    expect(await report<Summary>('summary?from=0001-01-01&to=9999-12-31')).toMatchObject({
      from: '2024-01-02T00:00:00.000Z',
      to: '2026-01-02T00:00:00.000Z',
      step: 'day',
      requests: 1,
    });
    const far = cursor(['endpoints', -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
    expect(await report<EndpointsReport>(`endpoints?cursor=${far}`)).toMatchObject({
      from: '2024-01-02T00:00:00.000Z',
      to: '2026-01-01T12:31:00.000Z',
    });
  });

  test('of what is popular begin with the most used, and say its share', async () => {
    const { ask, report } = await watch();
    await ask('/cities', { method: 'POST' });
    for (let at = 0; at < 3; at++) await ask('/cities/1');
    const { items, requests } = await report<PopularReport>('popular');
    expect(requests).toBe(4);
    expect(items.map(({ method, shareRatio }) => [method, shareRatio])).toEqual([
      ['GET', 0.75],
      ['POST', 0.25],
    ]);
  });

  test.each(['endpoints', 'popular', 'consumers', 'unused'])(
    'of %s walk in pages, each item once and in order',
    async (name) => {
      const { ask, report } = await watch({}, (app) => {
        app.set('trust proxy', true);
        for (let at = 0; at < 7; at++) {
          app.get(`/r${at}`, (_req, res) => res.end());
          app.get(`/unused${at}`, (_req, res) => res.end());
        }
      });
      // Some are as popular as others.
      for (let at = 0; at < 7; at++) {
        for (let times = 0; times <= at % 3; times++)
          await ask(`/r${at}`, headers(`192.0.${at}.1`));
      }
      const whole = await report<{ items: unknown[]; next: null }>(name);
      expect(whole.items).toHaveLength(7);
      const walked: unknown[] = [];
      let next: string | null = '?limit=2';
      while (next !== null) {
        const page: { items: unknown[]; next: string | null } = await report(name + next);
        expect(page.items.length).toBeLessThanOrEqual(2);
        walked.push(...page.items);
        next = page.next;
      }
      expect(walked).toEqual(whole.items);
    },
  );

  test('of what is unused name routes of nested routers, and know that HEAD uses GET', async () => {
    const { ask, report } = await watch({}, (app) => {
      const nested = express.Router();
      nested.get('/:id', (_req, res) => res.end());
      nested.delete('/:id', (_req, res) => res.end());
      nested.all('/any', (_req, res) => res.end());
      app.use('/things', nested);
      app.get(['/a', '/b'], (_req, res) => res.end());
      app
        .route('/both')
        .get((_req, res) => res.end())
        .put((_req, res) => res.end());
      app.get(/^\/re(x)?$/, (_req, res) => res.end());
      app.all('/all', (_req, res) => res.end());
    });
    const names = async (): Promise<string[]> =>
      (await report<UnusedReport>('unused')).items.map(({ method, route }) => `${method} ${route}`);
    expect(await names()).toEqual(
      [
        'GET /^\\/re(x)?$/',
        'GET /a',
        '* /all',
        'GET /b',
        'GET /both',
        'PUT /both',
        'DELETE /things/:id',
        'GET /things/:id',
        '* /things/any',
      ].toSorted(byRoute),
    );
    await ask('/things/1', { method: 'HEAD' });
    await ask('/b');
    await ask('/both', { method: 'PUT' });
    await ask('/rex');
    await ask('/things/any', { method: 'PATCH' });
    await ask('/all');
    await ask('/nowhere');
    expect(await names()).toEqual(['GET /a', 'GET /both', 'DELETE /things/:id']);
    expect(await report<UnusedReport>('unused')).toMatchObject({ declared: 9, unused: 3 });
  });

  test.each([
    ['summary?form=2026-01-01', 'form', 'did you mean "from"?'],
    ['summary?limit=5', 'limit', 'is unknown'],
    ['summary?from=yesterday', 'from', 'must be a date'],
    ['summary?from=2026-01-01T09:30', 'from', 'with its zone'],
    ['summary?from=2026-02-31', 'from', 'must be a date'],
    ['summary?from=2026-01-01&from=2026-01-01', 'from', 'more than once'],
    ['summary?from=2026-01-01T12:00Z&to=2026-01-01T11:00Z', 'from', 'before "to"'],
    ['summary?from=2027-01-01&to=2027-01-02', 'from', 'future'],
    ['summary?from=1990-01-01&to=1991-01-01', 'to', 'must be after 2024-01-02'],
    [`endpoints?cursor=${cursor(['endpoints', 0, -1])}`, 'to', 'must be after'],
    ['summary?step=week', 'step', 'one of minute, hour, day'],
    ['summary?from=2025-12-01&step=minute', 'step', 'step=hour'],
    ['summary?from=2025-12-31&step=minute', 'step', '1440'],
    ['endpoints?limit=0', 'limit', 'from 1 to 500'],
    ['endpoints?limit=501', 'limit', 'from 1 to 500'],
    ['endpoints?cursor=abc', 'cursor', 'follow "next"'],
    [`endpoints?cursor=${cursor(['popular', 1, 2, 'x'])}`, 'cursor', 'follow "next"'],
    [`endpoints?cursor=${cursor(['endpoints', 1, 'x'])}`, 'cursor', 'follow "next"'],
    [`endpoints?cursor=${cursor(['endpoints', 1, 2, {}])}`, 'cursor', 'follow "next"'],
    [`endpoints?from=2026-01-01&cursor=${cursor(['endpoints', 1, 2])}`, 'cursor', 'leave'],
  ])('refuse %s, and say what would be right', async (path, parameter, hint) => {
    const { url } = await watch();
    const response = await fetch(`${url}/api/analytics/${path}`);
    expect(response.status).toBe(400);
    const { code, errors } = (await response.json()) as {
      code: string;
      errors: { parameter: string; detail: string }[];
    };
    expect(code).toBe('ERR_ANALYTICS_QUERY');
    expect(errors.map((error) => error.parameter)).toContain(parameter);
    expect(errors.map(({ detail }) => detail).join(' ')).toContain(hint);
  });

  test('are for GET and HEAD, for nobody to store, and count for nothing themselves', async () => {
    const { url, report } = await watch();
    const head = await fetch(`${url}/api/analytics/summary`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('cache-control')).toBe('no-store');
    expect(await head.text()).toBe('');
    const post = await fetch(`${url}/api/analytics/summary`, { method: 'POST' });
    expect(post.status).toBe(405);
    expect(await report<Summary>('summary')).toMatchObject({
      requests: 0,
      unrouted: { requests: 0 },
    });
  });

  test('are closed to strangers, whatever is wrong with their query', async () => {
    const { url } = await watch({ access: 'a-token-of-many-letters' });
    const stranger = { 'x-forwarded-for': '192.0.2.1' };
    const ask = async (more: object = {}): Promise<number> =>
      (await fetch(`${url}/api/analytics/summary?x=1`, { headers: { ...stranger, ...more } }))
        .status;
    expect(await ask()).toBe(403);
    expect(await ask({ authorization: 'Bearer something-else-altogether' })).toBe(403);
    expect(await ask({ authorization: 'Bearer a-token-of-many-letters' })).toBe(400);
  });

  test('stand at another path where they are told to, and leave others alone', async () => {
    const { url, ask } = await watch({ path: '/_use' }, (app) => {
      app.get('/api/analytics/summary', (_req, res) => res.send('mine'));
      app.get('/_use/else', (_req, res) => res.send('mine'));
    });
    expect((await fetch(`${url}/_use/summary`)).status).toBe(200);
    expect((await ask('/api/analytics/summary')).status).toBe(200);
    expect((await ask('/_use/else')).status).toBe(200);
  });

  test('are reached under setup, ahead of what refuses', async () => {
    const app = express();
    const made = analytics();
    const stack = setup(app, [
      defineMiddleware({
        name: 'refuses',
        phase: 'protect',
        step({ res }) {
          res.statusCode = 429;
          res.end();
          return HANDLED;
        },
      }),
      made,
    ]);
    app.get('/x', (_req, res) => res.end());
    const server = await stack.listen(0, '127.0.0.1');
    closing.push(() => stack.close());
    const { port } = server.address() as { port: number };
    const url = `http://127.0.0.1:${port}`;
    expect((await fetch(`${url}/x`)).status).toBe(429);
    const summary = (await (await fetch(`${url}/api/analytics/summary`)).json()) as Summary;
    expect(summary.unrouted).toMatchObject({ requests: 1, clientErrors: 1 });
    expect(String(stack.explain())).toMatch(/analytics:routes[\s\S]*refuses/);
  });
});

describe('statistics', () => {
  test('are the top of what this instance has seen, over its minutes', async () => {
    const { ask, analytics: made, clock } = await watch({ smallestGroup: 3 });
    await ask('/cities/fails');
    clock.advance(MINUTE_MS);
    await ask('/cities/1');
    await ask('/nowhere');
    const [, observer] = made;
    expect(observer!.stats!()).toMatchObject({
      requestsTotal: 3,
      unroutedTotal: 1,
      overflowedTotal: 0,
      endpoints: [
        {
          method: 'GET',
          route: '/cities/:id',
          count: 2,
          errorRatio: 0.5,
          p95Ms: expect.any(Number),
        },
      ],
      consumers: [{ consumer: expect.stringMatching(/^n-/), count: 3 }],
      lostRequestsTotal: 0,
    });
  });

  test('name the ten most used endpoints, over all minutes', async () => {
    const {
      ask,
      analytics: made,
      clock,
    } = await watch({}, (app) => {
      for (let at = 0; at < 12; at++) app.get(`/r${at}`, (_req, res) => res.end());
    });
    for (let at = 0; at < 12; at++) await ask(`/r${at}`);
    clock.advance(MINUTE_MS);
    for (let at = 2; at < 12; at++) await ask(`/r${at}`);
    for (let times = 0; times < 2; times++) await ask('/r7');
    const { endpoints } = made.stats() as unknown as {
      endpoints: { route: string; count: number }[];
    };
    expect(endpoints).toHaveLength(10);
    expect(endpoints[0]).toMatchObject({ route: '/r7', count: 4 });
    expect(endpoints.slice(1).every(({ count }) => count === 2)).toBe(true);
  });
});

describe('a store that is away', () => {
  function switchable(): {
    readonly store: AnalyticsStore;
    away: boolean;
    hangs: boolean;
    readOnly: boolean;
  } {
    const inner = memoryStore();
    const guard = <T>(answer: () => T | Promise<T>): T | Promise<T> => {
      if (made.hangs) return new Promise<T>(() => undefined);
      if (made.away) throw new Error('connect ECONNREFUSED');
      return answer();
    };
    const made = {
      away: false,
      hangs: false,
      readOnly: false,
      store: {
        put: (rows) =>
          guard(() => {
            if (made.readOnly) throw new Error('cannot execute INSERT in a read-only transaction');
            return inner.put(rows);
          }),
        read: (range) => guard(() => inner.read(range)),
        replace: (row, expected, sources) => guard(() => inner.replace(row, expected, sources)),
        unrolled: (tier, kind, periodMs, limit) =>
          guard(() => inner.unrolled(tier, kind, periodMs, limit)),
        prune: (tier, beforeAt, limit) => guard(() => inner.prune(tier, beforeAt, limit)),
        remove: (place) => guard(() => inner.remove(place)),
      } satisfies AnalyticsStore,
    };
    return made;
  }
  const { signal } = new AbortController();

  beforeEach(() => void jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined));
  afterEach(() => void jest.restoreAllMocks());

  test('keeps nobody from being answered, is told once and by health, and loses nothing in its time', async () => {
    const away = switchable();
    const {
      ask,
      url,
      report,
      analytics: made,
      clock,
    } = await watch({ store: away.store, secret: SECRET });
    const [, observer] = made;
    await ask('/cities/1');
    await made.flush();
    expect(await observer!.health!(signal)).toEqual({ status: 'pass' });
    away.away = true;
    for (let minute = 0; minute < 5; minute++) {
      expect((await ask('/cities/1')).status).toBe(200);
      clock.advance(MINUTE_MS);
      await expect(made.flush()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    }
    expect(jest.mocked(process.emitWarning)).toHaveBeenCalledTimes(1);
    expect(await observer!.health!(signal)).toMatchObject({
      status: 'warn',
      detail: expect.stringMatching(/since 2026-01-01T12:.*: 5 requests wait for it, 0 are lost/),
    });
    expect((await fetch(`${url}/api/analytics/summary`)).status).toBe(503);
    await expect(made.erase('ada')).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    away.away = false;
    expect(await report<Summary>('summary')).toMatchObject({ requests: 6, lost: 0 });
    expect(await observer!.health!(signal)).toEqual({ status: 'pass' });
  });

  test('that can only be read is read, and reports say how many requests are missing', async () => {
    const away = switchable();
    const { ask, report, analytics: made } = await watch({ store: away.store, secret: SECRET });
    await ask('/cities/1');
    expect(await report<Summary>('summary')).toMatchObject({ requests: 1, pending: 0 });
    away.readOnly = true;
    for (let at = 0; at < 3; at++) await ask('/cities/1');
    expect(await report<Summary>('summary')).toMatchObject({ requests: 1, pending: 3 });
    expect(await report<EndpointsReport>('endpoints')).toMatchObject({ pending: 3 });
    await expect(made.flush()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    away.readOnly = false;
    expect(await report<Summary>('summary')).toMatchObject({ requests: 4, pending: 0 });
  });

  test('for longer than rows wait loses the oldest, and says how many', async () => {
    const away = switchable();
    const {
      ask,
      report,
      analytics: made,
      clock,
    } = await watch({
      store: away.store,
      maxPendingMs: 2 * MINUTE_MS,
    });
    away.away = true;
    for (let minute = 0; minute < 6; minute++) {
      await ask('/cities/1');
      clock.advance(MINUTE_MS);
    }
    away.away = false;
    expect(await report<Summary>('summary')).toMatchObject({ requests: 2, lost: 4 });
    expect(made[1]!.stats!()).toMatchObject({ lostRequestsTotal: 4, pendingBytes: 0 });
  });

  test('holds no more than its bytes', async () => {
    const away = switchable();
    const {
      ask,
      analytics: made,
      clock,
    } = await watch({
      store: away.store,
      maxPendingBytes: 64 * 1024,
      maxPendingMs: 24 * 60 * MINUTE_MS,
    });
    away.away = true;
    for (let minute = 0; minute < 300; minute++) {
      await ask('/cities/1');
      clock.advance(MINUTE_MS);
    }
    const { pendingBytes, lostRequestsTotal } = made[1]!.stats!() as Record<string, number>;
    expect(pendingBytes).toBeLessThan(68 * 1024);
    expect(lostRequestsTotal).toBeGreaterThan(0);
  });

  test('that hangs is given up after its time, also at the end', async () => {
    const away = switchable();
    const {
      ask,
      analytics: made,
      clock,
    } = await watch({ store: away.store, storeTimeoutMs: 1000 });
    await ask('/cities/1');
    away.hangs = true;
    await ask('/cities/2');
    const flushing = made.flush();
    const outcome = flushing.catch((error: unknown) => error);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1000);
    expect(await outcome).toMatchObject({ code: 'ERR_STORE_TIMEOUT' });
    const ending = new AbortController();
    const closed = made[1]!.close!(ending.signal);
    ending.abort();
    await closed;
  });
});

describe('the end', () => {
  test('writes what was counted, and leaves nothing that waits', async () => {
    const store = memoryStore();
    const { ask, analytics: made, clock } = await watch({ store });
    await ask('/cities/1');
    for (const one of made) await one.close?.();
    expect(clock.pending).toBe(0);
    const kept = (await rowsOf(store)).find(({ kind }) => kind === 'endpoints');
    expect(kept?.payload).toContain('/cities/:id');
  });

  test('is the same for all who ask for it', async () => {
    const inner = memoryStore();
    let write = (): void => undefined;
    const writable = new Promise<void>((resolve) => (write = resolve));
    const store: AnalyticsStore = {
      put: async (rows) => {
        await writable;
        await inner.put(rows);
      },
      read: (range) => inner.read(range),
      replace: (row, expected, sources) => inner.replace(row, expected, sources),
      unrolled: (tier, kind, periodMs, limit) => inner.unrolled(tier, kind, periodMs, limit),
      prune: (tier, beforeAt, limit) => inner.prune(tier, beforeAt, limit),
      remove: (place) => inner.remove(place),
    };
    const { ask, analytics: made } = await watch({ store, secret: SECRET });
    await ask('/cities/1');
    const ended: string[] = [];
    const first = made.close().then(() => ended.push('first'));
    const second = made.close().then(() => ended.push('second'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toEqual([]);
    write();
    await Promise.all([first, second]);
    expect(await rowsOf(inner)).not.toEqual([]);
  });

  test('has another instance roll up without waiting', async () => {
    const store = memoryStore();
    const first = await watch({ store });
    await first.ask('/cities/1');
    await first.analytics.flush();
    for (const one of first.analytics) await one.close?.();
    const [lease] = await store.read({
      tier: 'control',
      kind: 'lease',
      fromAt: 0,
      toAt: 1,
      limit: 1,
    });
    expect(lease?.payload).toContain('"untilAt":0');
  });
});

describe('a random secret', () => {
  async function warnings(options: Partial<AnalyticsOptions>): Promise<readonly unknown[]> {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { ask } = await watch(options);
    await ask('/cities/1');
    await ask('/cities/1');
    const told = warned.mock.calls.map(([text]) => text);
    warned.mockRestore();
    return told;
  }

  test('is told of at the start where the store outlives it, and not where it does not', async () => {
    const { put, read, replace, unrolled, prune, remove } = postgresStore({
      query: () => Promise.resolve({ rows: [] }),
    });
    const store = { put, read, replace, unrolled, prune, remove };
    expect(await warnings({ store })).toEqual([expect.stringContaining('ANALYTICS_SECRET')]);
    expect(await warnings({ store, secret: SECRET })).toEqual([]);
    expect(await warnings({ store: memoryStore() })).toEqual([]);
    expect(await warnings({})).toEqual([]);
  });
});

describe('options', () => {
  test.each<[object, string]>([
    [{ path: 'api' }, 'a path such as'],
    [{ secret: 'short' }, 'at least 16 characters'],
    [{ secret: [] }, 'the current one first'],
    [{ retentionMs: { minutes: 1 } }, 'did you mean "minute"?'],
    [{ retentionMs: { minute: 1 } }, 'at least 7200000'],
    [{ retentionMs: { minute: 5 * 86_400_000, hour: 3 * 86_400_000 } }, 'hours as long as minutes'],
    [{ retentionMs: { day: 3 * 86_400_000 } }, 'days as long as hours'],
    [{ maxPendingMs: 25 * 3_600_000 }, 'half of retentionMs.minute'],
    [{ store: {} }, 'a store'],
    [{ instance: 'a b' }, 'a name of letters'],
  ])('%j are refused', (options, message) => {
    expect(() => analytics(options)).toThrow(OptionError);
    expect(() => analytics(options)).toThrow(message);
  });
});

function cursor(content: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}

function byRoute(one: string, other: string): number {
  const [a, b] = [one, other].map((text) => text.split(' ').toReversed().join(' '));
  return a! < b! ? -1 : 1;
}
