/** What metrics find in a whole: where the time goes, what each middleware did, what components tell. */
import { connect } from 'node:net';
import {
  type Component,
  defineComponent,
  defineMiddleware,
  type Host,
  type Middleware,
} from '@org/core';
import { fakeClock, fakeHost, recordExchanges } from '@org/core/testing';
import { metrics } from '@org/metrics';
import express from 'express';
import { setup } from '@org/setup';

import { ask, endAll, serving, valuesOf } from './serving.ts';

afterEach(endAll);

/** A middleware that keeps each request for as long as the clock is moved. */
function slow(name: string, advance: () => void): Middleware {
  return defineMiddleware({ name, phase: 'admit', step: () => advance() });
}

test('a waterfall: how long each middleware, the handler and the way out keep a request', async () => {
  let move: (ms: number) => void = () => undefined;
  const { url, performance, scrape, clock } = await serving(
    { timedRatio: 1 },
    (app) =>
      app.get('/', (_req, res) => {
        move(40);
        res.send('x');
      }),
    { by: 'setup', components: [slow('first', () => move(10)), slow('second', () => move(20))] },
  );
  move = (ms) => clock.advance(ms);
  for (let at = 0; at < 3; at++) await ask(url);
  const { middleware } = await performance();
  const byName = Object.fromEntries(middleware.map((one) => [one.name, one]));
  expect(byName['first']).toMatchObject({ calls: 3, timed: 3, errors: 0, selfMs: { max: 10 } });
  expect(byName['second']).toMatchObject({ calls: 3, selfMs: { p50: 20, p99: 20 } });
  expect(byName['handler']).toMatchObject({ calls: 3, timed: 3, selfMs: { p95: 40 } });
  expect(byName['flush']).toMatchObject({ timed: 3, selfMs: { max: 0 } });
  expect(byName['metrics']).toMatchObject({ calls: 3, selfMs: { max: 0 } });
  // Middlewares in their order, then the routes, then the way out.
  const names = middleware.map(({ name }) => name);
  expect(names.indexOf('metrics')).toBeLessThan(names.indexOf('first'));
  expect(names.slice(-4)).toEqual(['first', 'second', 'handler', 'flush']);

  const families = await scrape();
  const self = families.get('org_middleware_self_duration_seconds');
  expect(valuesOf(self)).toMatchObject({ 'middleware=first': 3, 'middleware=handler': 3 });
  const sum = self!.samples.find(
    ({ name, labels }) => name.endsWith('_sum') && labels['middleware'] === 'second',
  );
  expect(sum?.value).toBeCloseTo(0.06, 9);
  expect(valuesOf(families.get('org_middleware_calls'))).toMatchObject({
    'middleware=first,phase=admit': 3,
  });
});

test('calls and errors of each middleware are exact, and those of the window where they are asked for', async () => {
  let fails = true;
  const failing = defineMiddleware({
    name: 'failing',
    phase: 'read',
    step() {
      if (fails) throw new Error('deliberate');
    },
  });
  const { url, performance, scrape, clock } = await serving(
    { timedRatio: 0 },
    (app) => app.get('/', (_req, res) => void res.send('x')),
    { by: 'setup', components: [failing] },
  );
  const told = async () => (await performance()).middleware.find(({ name }) => name === 'failing');
  await ask(url);
  fails = false;
  await ask(url);
  expect(await told()).toMatchObject({ calls: 2, errors: 1, timed: 0, selfMs: { p50: 0 } });
  clock.advance(61_000);
  expect(await told()).toMatchObject({ calls: 0, errors: 0 });
  await ask(url);
  expect(await told()).toMatchObject({ calls: 1, errors: 0 });
  const key = 'middleware=failing,phase=read';
  expect(valuesOf((await scrape()).get('org_middleware_errors'))[key]).toBe(1);
  expect(valuesOf((await scrape()).get('org_middleware_calls'))[key]).toBe(3);
});

test('a request after a quiet time counts for the middlewares too, and not for the time before', async () => {
  const { url, performance, clock } = await serving(
    { timedRatio: 0 },
    (app) => app.get('/', (_req, res) => void res.send('x')),
    { by: 'setup', components: [defineMiddleware({ name: 'some', phase: 'read', step() {} })] },
  );
  await ask(url);
  clock.advance(300_000);
  await ask(url);
  const { http, middleware } = await performance();
  expect(http.count).toBe(1);
  expect(middleware.find(({ name }) => name === 'some')).toMatchObject({ calls: 1 });
});

test('the share that is timed is picked by chance', () => {
  const wanted: ((exchange: never) => boolean)[] = [];
  const values = [0.1, 0.3, 0.24, 0.25];
  let stopped = 0;
  const host = fakeHost({
    timeRequests(wants) {
      wanted.push(wants);
      return () => stopped++;
    },
  });
  const made = metrics({ timedRatio: 0.25, random: () => values.shift()!, clock: fakeClock() });
  made.at(-1)!.attach!(host);
  expect(Array.from({ length: 4 }, () => wanted[0]!(undefined as never))).toEqual([
    true,
    false,
    true,
    false,
  ]);
  made.close();
  expect(stopped).toBe(1);
});

test('nobody is timed who does not want to be', () => {
  let asked = 0;
  const host = fakeHost({
    timeRequests: () => {
      asked++;
      return () => undefined;
    },
  });
  const made = metrics({ timedRatio: 0 });
  made.at(-1)!.attach!(host);
  made.close();
  expect(asked).toBe(0);
});

test('components of the whole become series, as they come and go; metrics themselves do not', async () => {
  const pool = defineComponent('db', { stats: () => ({ pool: { inUse: 3 }, queriesTotal: 7 }) });
  const cache = defineMiddleware({
    name: 'cache',
    phase: 'reuse',
    step: () => undefined,
    stats: () => ({ hitsTotal: 5 }),
  });
  const { scrape, stack } = await serving({}, () => undefined, {
    by: 'setup',
    components: [pool, cache],
  });
  const families = await scrape();
  expect(valuesOf(families.get('org_db_pool_in_use'))).toEqual({ '': 3 });
  expect(valuesOf(families.get('org_db_queries'))).toEqual({ '': 7 });
  expect(valuesOf(families.get('org_cache_hits'))).toEqual({ '': 5 });
  expect([...families.keys()].filter((name) => name.startsWith('org_metrics'))).toEqual([
    'org_metrics_overflowed_series',
  ]);
  stack!.disable('cache');
  expect((await scrape()).has('org_cache_hits')).toBe(false);
});

test('the statistics of the stack have the performance document', async () => {
  const { url, stack } = await serving(
    {},
    (app) => app.get('/', (_req, res) => void res.send('x')),
    { by: 'setup' },
  );
  await ask(url);
  expect(stack!.stats()).toMatchObject({
    metrics: { http: { count: 1 }, routes: [{ route: '/', count: 1 }] },
  });
});

test('the routes stand at the edge, the observer above everything that refuses', async () => {
  const made = metrics();
  const stack = setup(express(), [made]);
  expect(String(stack.explain())).toMatch(/metrics:routes[^]*metrics/);
  expect(made.map(({ name, phase, priority }) => [name, phase, priority])).toEqual([
    ['metrics:routes', 'edge', 80],
    ['metrics', 'observe', 20],
  ]);
  await stack.close();
});

test('a refusal is seen: what stands below cannot hide it', async () => {
  const guard = defineMiddleware({
    name: 'guard',
    phase: 'protect',
    handle: (_req, res) => void res.status(429).send('enough'),
  });
  const { url, performance } = await serving(
    {},
    (app) => app.get('/', (_req, res) => void res.send('x')),
    {
      by: 'setup',
      components: [guard],
    },
  );
  await ask(url);
  expect((await performance()).routes).toMatchObject([{ method: 'GET', count: 1, errorRatio: 0 }]);
});

test('an upgrade is no request that ends, unless it is refused', async () => {
  let admit = true;
  const upgrades = defineComponent('upgrades', {
    attach(host: Host): void {
      host.onServer((server) =>
        server.on('upgrade', (req, socket) =>
          host.admitUpgrade(req, socket, () =>
            socket.end(
              'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
            ),
          ),
        ),
      );
    },
  });
  const guard = defineMiddleware({
    name: 'guard',
    phase: 'protect',
    handle: (_req, res, next) => (admit ? next() : void res.status(403).send('no')),
  });
  const { middleware, waitFor } = recordExchanges();
  const { port, scrape, performance } = await serving({}, () => undefined, {
    by: 'setup',
    components: [upgrades, guard, middleware],
  });
  const upgrade = async (): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /live HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    return text.slice(0, 12);
  };
  expect(await upgrade()).toBe('HTTP/1.1 101');
  admit = false;
  expect(await upgrade()).toBe('HTTP/1.1 403');
  await waitFor(2);
  const families = await scrape();
  expect(valuesOf(families.get('http_server_upgrades'))).toEqual({ '': 1 });
  expect(valuesOf(families.get('http_server_request_duration_seconds'))).toEqual({
    'http_request_method=GET,http_response_status_code=403,url_scheme=http': 1,
  });
  expect((await performance()).http).toMatchObject({ count: 1, active: 0 });
});

test('one that is attached asks its host as it is then', () => {
  const parts: Component[] = [];
  const host: Host = fakeHost({ components: () => parts });
  const made = metrics({ clock: fakeClock(), runtime: false });
  made.at(-1)!.attach!(host);
  parts.push(defineComponent('late', { stats: () => ({ n: 1 }) }));
  return made.page().then(({ body: text }) => {
    made.close();
    expect(text).toContain('\norg_late_n 1\n');
  });
});
