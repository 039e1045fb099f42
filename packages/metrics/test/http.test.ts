/** What is counted of requests, and who may read it, through real sockets. */
import { connect } from 'node:net';
import { exchangeOf, internalRequest } from '@org/core';
import { recordExchanges } from '@org/core/testing';
import { metrics, type MetricsOptions } from '@org/metrics';
import type { Express } from 'express';

import { parse } from './exposition-parser.ts';
import { ask, clean, endAll, OPEN_METRICS, serving, valuesOf } from './serving.ts';

afterEach(endAll);

const DURATION = 'http_server_request_duration_seconds';

const routes = (app: Express): void => {
  app.get('/fine/:id', (_req, res) => void res.send('fine'));
  app.all('/any', (_req, res) => void res.send('any'));
  app.get('/fails', (_req, res) => void res.status(503).send('no'));
  app.post('/posts', (req, res) => {
    req.resume();
    res.status(201).send('made');
  });
};

describe.each(['app.use', 'setup'] as const)('requests, by %s', (by) => {
  test('are series by route, method, status and scheme, after the conventions of OpenTelemetry', async () => {
    const { url, scrape } = await serving({}, routes, { by });
    await ask(`${url}/fine/1`);
    await ask(`${url}/fine/2?x=1`);
    await ask(`${url}/fine/3`, { method: 'HEAD' });
    await ask(`${url}/fails`);
    const family = (await scrape()).get(DURATION);
    expect(family).toMatchObject({ type: 'histogram', unit: 'seconds' });
    const http = 'url_scheme=http';
    expect(valuesOf(family)).toEqual({
      [`http_request_method=GET,http_route=/fine/:id,http_response_status_code=200,${http}`]: 2,
      [`http_request_method=HEAD,http_route=/fine/:id,http_response_status_code=200,${http}`]: 1,
      [`http_request_method=GET,http_route=/fails,http_response_status_code=503,${http},error_type=503`]: 1,
    });
  });

  test('that no route matches are one series, whatever they ask for', async () => {
    const { url, scrape } = await serving({}, routes, { by });
    for (const path of ['/a', '/b', '/c?d']) await ask(url + path);
    expect(valuesOf((await scrape()).get(DURATION))).toEqual({
      'http_request_method=GET,http_response_status_code=404,url_scheme=http': 3,
    });
  });

  test('of methods that nobody knows are of _OTHER', async () => {
    const { url, scrape } = await serving({}, routes, { by });
    for (const method of ['PURGE', 'LINK', 'PATCH']) await ask(`${url}/any`, { method });
    expect(valuesOf((await scrape()).get(DURATION))).toEqual({
      'http_request_method=_OTHER,http_route=/any,http_response_status_code=200,url_scheme=http': 2,
      'http_request_method=PATCH,http_route=/any,http_response_status_code=200,url_scheme=http': 1,
    });
  });

  test('take as long as the clock says, in seconds, in the bucket whose end they do not exceed', async () => {
    const { url, scrape } = await serving(
      {},
      (app, clock) =>
        app.get('/slow/:ms', ({ params }, res) => {
          clock.advance(Number(params.ms));
          res.send('late');
        }),
      { by },
    );
    for (const ms of [5, 250, 251, 20_000]) await ask(`${url}/slow/${ms}`);
    const { samples } = (await scrape()).get(DURATION)!;
    const upTo = (le: string) => samples.find(({ labels }) => labels['le'] === le)?.value;
    expect(['0.005', '0.1', '0.25', '0.5', '10.0', '+Inf'].map(upTo)).toEqual([1, 1, 2, 3, 3, 4]);
    expect(samples.find(({ name }) => name.endsWith('_sum'))?.value).toBeCloseTo(20.506, 9);
  });

  test('that are cut off say so, with their status if a head was sent', async () => {
    const { middleware, waitFor } = recordExchanges();
    const { url, scrape, performance } = await serving(
      {},
      (app) => {
        if (by === 'app.use') app.use(middleware);
        app.get('/before', (_req, res) => void res.destroy());
        app.get('/after', (_req, res) => {
          res.write('half', () => res.destroy());
        });
      },
      { by, components: [middleware] },
    );
    await expect(ask(`${url}/before`)).rejects.toThrow('fetch failed');
    await expect(ask(`${url}/after`)).rejects.toThrow('terminated');
    await waitFor(2);
    expect(valuesOf((await scrape()).get(DURATION))).toEqual({
      'http_request_method=GET,http_route=/before,url_scheme=http,error_type=aborted': 1,
      'http_request_method=GET,http_route=/after,http_response_status_code=200,url_scheme=http,error_type=aborted': 1,
    });
    expect((await performance()).http).toMatchObject({
      count: 2,
      aborted: 2,
      errorRatio: 0,
      active: 0,
    });
  });

  test('under way are counted while they are', async () => {
    let finish!: () => void;
    let arrived!: () => void;
    const reached = new Promise<void>((resolve) => (arrived = resolve));
    const { url, scrape, performance } = await serving(
      {},
      (app) =>
        app.get('/waits', async (_req, res) => {
          arrived();
          await new Promise<void>((resolve) => (finish = resolve));
          res.send('at last');
        }),
      { by },
    );
    const waiting = ask(`${url}/waits`);
    await reached;
    const key = 'http_request_method=GET,url_scheme=http';
    expect(valuesOf((await scrape()).get('http_server_active_requests'))).toEqual({ [key]: 1 });
    expect((await performance()).http.active).toBe(1);
    finish();
    await waiting;
    expect(valuesOf((await scrape()).get('http_server_active_requests'))).toEqual({ [key]: 0 });
  });

  test('have the sizes of their bodies, where they are stated', async () => {
    const { url, scrape } = await serving({}, routes, { by });
    await ask(`${url}/posts`, { method: 'POST', body: 'x'.repeat(1234) });
    await ask(`${url}/fine/1`);
    const families = await scrape();
    const sums = (name: string) =>
      families
        .get(name)!
        .samples.filter((one) => one.name.endsWith('_sum'))
        .map(({ value }) => value);
    expect(sums('http_server_request_body_size_bytes')).toEqual([1234]);
    expect(sums('http_server_response_body_size_bytes')).toEqual([4, 4]);
  });
});

test('https is told from http, by a proxy that is trusted alone', async () => {
  const { url, app, scrape } = await serving({}, routes);
  const headers = { 'x-forwarded-proto': 'https' };
  await ask(`${url}/fine/1`, { headers });
  app.set('trust proxy', 'loopback');
  await ask(`${url}/fine/1`, { headers });
  await ask(`${url}/fine/1`, { headers: { 'x-forwarded-proto': 'gopher' } });
  app.set('trust proxy', false);
  const labels = 'http_request_method=GET,http_route=/fine/:id,http_response_status_code=200';
  expect(valuesOf((await scrape()).get(DURATION))).toEqual({
    [`${labels},url_scheme=http`]: 2,
    [`${labels},url_scheme=https`]: 1,
  });
});

test('a request counts by the method it came with, whatever somebody makes of it', async () => {
  const { url, scrape } = await serving({}, (app) => {
    app.use((req, _res, next) => {
      req.method = 'DELETE';
      next();
    });
    app.delete('/', (_req, res) => void res.send('gone'));
  });
  await ask(url, { method: 'POST' });
  const families = await scrape();
  expect(valuesOf(families.get('http_server_active_requests'))).toEqual({
    'http_request_method=POST,url_scheme=http': 0,
  });
  expect(Object.keys(valuesOf(families.get(DURATION)))[0]).toContain('http_request_method=POST');
});

test('a request of the house itself is nobody’s', async () => {
  const { app, scrape } = await serving({}, routes);
  await internalRequest(app, { url: '/fine/1' });
  expect((await scrape()).has(DURATION)).toBe(false);
});

test('more series than may be are counted as one, which says so, and told apart up to a bound', async () => {
  const { url, scrape, performance } = await serving({ maxSeries: 2 }, (app) =>
    app.get('/status/:code', ({ params }, res) => void res.status(Number(params.code)).send('x')),
  );
  for (const code of [200, 201, 202, 203, 202, 404, 200]) await ask(`${url}/status/${code}`);
  const values = valuesOf((await scrape()).get(DURATION));
  expect(Object.keys(values)).toHaveLength(3);
  expect(values['otel_metric_overflow=true']).toBe(4);
  expect(
    values[
      'http_request_method=GET,http_route=/status/:code,http_response_status_code=200,url_scheme=http'
    ],
  ).toBe(2);
  // Three were refused; no more are told apart than there may be.
  expect((await performance()).overflowedSeries).toBe(2);
  expect((await performance()).http.count).toBe(7);
});

describe('the performance document', () => {
  test('tells of the last minute, and forgets it', async () => {
    const { url, clock, performance, scrape } = await serving({}, (app, time) => {
      app.get('/slow/:ms', ({ params }, res) => {
        time.advance(Number(params.ms));
        res.status(Number(params.ms) > 500 ? 500 : 200).send('x');
      });
    });
    for (const ms of [100, 100, 100, 1000]) await ask(`${url}/slow/${ms}`);
    const told = await performance();
    expect(told).toMatchObject({ windowMs: 1300, processes: 1, overflowedSeries: 0 });
    expect(told.http).toMatchObject({ count: 4, errorRatio: 0.25, aborted: 0, rps: 3.077 });
    expect(told.http).toMatchObject({ clientErrorsTotal: 0, serverErrorsTotal: 1 });
    const { count, rps, errorRatio, aborted, latencyMs } = told.http;
    const route = { method: 'GET', route: '/slow/:ms', count, rps, errorRatio, aborted, latencyMs };
    expect(told.routes).toEqual([route]);
    const { p50, p95, max } = latencyMs;
    expect(Math.abs(p50 - 100)).toBeLessThanOrEqual(1.001);
    expect(p95).toBe(1000);
    expect(max).toBe(1000);

    clock.advance(60_000);
    const later = await performance();
    expect(later.http).toMatchObject({ count: 0, rps: 0, latencyMs: { p50: 0, p99: 0, max: 0 } });
    expect(later.routes).toEqual([]);
    // What is exported only grows.
    const counts = Object.values(valuesOf((await scrape()).get(DURATION)));
    expect(counts.reduce((sum, one) => sum + one, 0)).toBe(4);
  });

  test('has the process in it', async () => {
    const { url, performance } = await serving({}, routes);
    await ask(`${url}/fine/1`);
    const { eventLoop, gc, memory } = await performance();
    expect(memory.rssBytes).toBeGreaterThan(1e6);
    expect(memory.heapUsedBytes).toBeLessThanOrEqual(memory.heapTotalBytes);
    expect(eventLoop.utilizationRatio).toBeGreaterThanOrEqual(0);
    expect(eventLoop.utilizationRatio).toBeLessThanOrEqual(1);
    expect(eventLoop.delayMs.p50).toBeLessThanOrEqual(eventLoop.delayMs.max);
    expect(gc.count).toBeGreaterThanOrEqual(0);
  });

  test('forgets how late the event loop was long ago, whenever it is asked', async () => {
    const { url, clock, made } = await serving({}, routes);
    await ask(`${url}/fine/1`);
    const latest = () => made.performance().eventLoop.delayMs.max;
    while (latest() < 50) {
      const untilMs = performance.now() + 100;
      while (performance.now() < untilMs);
      await new Promise((resolve) => setTimeout(resolve, 11));
    }
    // An hour and a quarter of the window later: an odd number of slices.
    clock.advance(3_600_000 + 15_000);
    expect(latest()).toBe(0);
  });

  test('is what the component tells of itself', async () => {
    const { url, made, performance } = await serving({ runtime: false }, routes);
    await ask(`${url}/fine/1`);
    const { memory: _one, ...asked } = await performance();
    const { memory: _other, ...stats } = made.at(-1)!.stats!() as Record<string, unknown>;
    expect(JSON.parse(JSON.stringify(stats))).toEqual(asked);
  });
});

describe('exemplars', () => {
  const traced = (sampled: boolean, options: Partial<MetricsOptions> = {}) =>
    serving(options, (app) => {
      app.get('/traced', (req, res) => {
        const exchange = exchangeOf(req, res);
        exchange.trace = {
          traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
          spanId: '00f067aa0ba902b7',
          sampled,
        };
        res.send('traced');
      });
    });

  test('are traces of requests that are sampled, in OpenMetrics alone', async () => {
    const { url, scrape } = await traced(true);
    await ask(`${url}/traced`);
    const found = (await scrape()).get(DURATION)!.samples.flatMap(({ exemplar }) => exemplar ?? []);
    expect(found).toMatchObject([
      { labels: { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', span_id: '00f067aa0ba902b7' } },
    ]);
    const plain = await (await fetch(`${url}/metrics`)).text();
    expect(plain).not.toContain('4bf92f');
    parse(plain, 'prometheus');
  });

  test.each([
    ['not sampled', false, {}],
    ['not wanted', true, { exemplars: false }],
  ])('there are none where they are %s', async (_, sampled, options) => {
    const { url, scrape } = await traced(sampled, options);
    await ask(`${url}/traced`);
    expect(
      (await scrape()).get(DURATION)!.samples.every(({ exemplar }) => exemplar === undefined),
    ).toBe(true);
  });
});

describe.each(['app.use', 'setup'] as const)('the monitoring routes, by %s', (by) => {
  const outside = { 'x-forwarded-for': '203.0.113.9' };
  const paths = ['/metrics', '/health/middleware/performance'];

  test('answer GET and HEAD, never stored, as what they are', async () => {
    const { url } = await serving({}, routes, { by });
    const types = ['text/plain; version=0.0.4; charset=utf-8', 'application/json; charset=utf-8'];
    for (const [at, path] of paths.entries()) {
      const got = await fetch(`${url}${path}?x=1`);
      const text = await got.text();
      expect(got.status).toBe(200);
      expect(got.headers.get('content-type')).toBe(types[at]);
      expect(got.headers.get('cache-control')).toBe('no-store');
      expect(got.headers.get('x-content-type-options')).toBe('nosniff');
      expect(text.length).toBeGreaterThan(100);
      const head = await fetch(url + path, { method: 'HEAD' });
      expect(head.status).toBe(200);
      expect(await head.text()).toBe('');
      expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100);
    }
  });

  test('are chosen between by Accept, and say so', async () => {
    const { url } = await serving({}, routes, { by });
    const open = await fetch(`${url}/metrics`, { headers: { accept: OPEN_METRICS } });
    expect(open.headers.get('content-type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    expect(open.headers.get('vary')).toContain('Accept');
    expect(await open.text()).toMatch(/\n# EOF\n$/);
  });

  test('are closed to strangers, whatever the method, and open to the token', async () => {
    const { url } = await serving({ access: 'a-token-of-some-length' }, routes, { by });
    for (const path of paths) {
      for (const method of ['GET', 'HEAD', 'DELETE']) {
        expect((await ask(url + path, { method, headers: outside })).status).toBe(403);
      }
      const wrong = { ...outside, authorization: 'Bearer another-token-of-length' };
      expect((await ask(url + path, { headers: wrong })).status).toBe(403);
      const right = { ...outside, authorization: 'Bearer a-token-of-some-length' };
      expect((await ask(url + path, { headers: right })).status).toBe(200);
    }
  });

  test('know no other method', async () => {
    const { url } = await serving({}, routes, { by });
    for (const path of paths) {
      const answer = await ask(url + path, { method: 'POST' });
      expect(answer.status).toBe(405);
      // Express' own last handler keeps headers of errors, too.
      expect(answer.headers.get('allow')).toBe('GET, HEAD');
    }
  });

  test('are no traffic themselves, and nothing near them is theirs', async () => {
    const { url, scrape, performance } = await serving({}, routes, { by });
    await scrape();
    await performance();
    expect((await scrape()).has(DURATION)).toBe(false);
    for (const path of ['/metrics/', '/metricsx', '/METRICS', '/%6detrics', '/health/middleware']) {
      if (by === 'setup' && path === '/health/middleware') continue;
      expect((await ask(url + path)).status).toBe(404);
    }
  });

  test('stand elsewhere, or nowhere', async () => {
    const { url } = await serving({ path: '/internal/metrics', performancePath: false }, routes, {
      by,
    });
    expect((await ask(`${url}/internal/metrics`)).status).toBe(200);
    for (const path of paths) expect((await ask(url + path)).status).toBe(404);
  });
});

test('what has left half a request does not upset anybody', async () => {
  const { port, scrape } = await serving({}, routes);
  const socket = connect(port, '127.0.0.1');
  clean.push(() => socket.destroy());
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write('GET /fine/1 HTTP/1.1\r\nHost: x\r\n');
  socket.destroy();
  expect((await scrape()).has(DURATION)).toBe(false);
});

test('a page for a server of one’s own says the same as the route', async () => {
  const { made, url } = await serving({ runtime: false, componentStats: false }, routes);
  await ask(`${url}/fine/1`);
  const route = await (await fetch(`${url}/metrics`)).text();
  expect((await made.page()).body).toBe(route);
  expect((await made.page(OPEN_METRICS)).contentType).toMatch(/^application\/openmetrics-text/);
});

test('requests that end after close() are counted out, and later ones not at all', async () => {
  let finish!: () => void;
  let arrived!: () => void;
  const reached = new Promise<void>((resolve) => (arrived = resolve));
  const { url, made, performance } = await serving({}, (app) => {
    routes(app);
    app.get('/waits', async (_req, res) => {
      arrived();
      await new Promise<void>((resolve) => (finish = resolve));
      res.send('at last');
    });
  });
  const waiting = ask(`${url}/waits`);
  await reached;
  made.close();
  finish();
  await waiting;
  await ask(`${url}/fine/1`);
  expect((await performance()).http).toMatchObject({ count: 1, active: 0 });
});

describe('options', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ path: 'metrics' }, 'option "path" must be a path of plain segments'],
    [{ path: '/x', performancePath: '/x' }, '"path" and "performancePath" are both /x'],
    [{ bucketsMs: [] }, 'option "bucketsMs" must be a list of 1 to 100 numbers'],
    [{ bucketsMs: [2, 1] }, 'ascending order'],
    [{ bucketsBytes: [0, 1] }, 'option "bucketsBytes" must be a list'],
    [{ timedRatio: 2 }, 'option "timedRatio" must be a ratio'],
    [{ maxSeries: 0 }, 'option "maxSeries" must be a whole number'],
    [{ prefix: 'Org-x' }, 'option "prefix" must be a word'],
    [{ registry: {} }, 'option "registry" must be a Registry of prom-client'],
    [{ access: 'short' }, 'option "access" must be a token'],
    [{ windowMs: 1 }, 'option "windowMs" must be a duration in ms'],
    [{ window: 1 }, 'did you mean "windowMs"?'],
  ])('%j are refused', (options, message) => {
    expect(() => metrics(options as Partial<MetricsOptions>)).toThrow(message);
  });

  test('are kept as they were given: a list that is changed later changes nothing', async () => {
    const bucketsMs = [100, 200];
    const { url, scrape } = await serving({ bucketsMs }, routes);
    bucketsMs[0] = 1;
    await ask(`${url}/fine/1`);
    const { samples } = (await scrape()).get(DURATION)!;
    expect(samples.flatMap(({ labels }) => labels['le'] ?? [])).toEqual(['0.1', '0.2', '+Inf']);
  });
});
