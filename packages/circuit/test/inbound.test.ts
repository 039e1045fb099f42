/** Routes of this service behind a circuit. */
import { once } from 'node:events';
import express, { type Express, type Request, type Response } from 'express';
import { defineMiddleware, exchangeOf } from '@org/core';
import { type FakeClock, fakeClock, serve, type Served } from '@org/core/testing';
import { setup, standard } from '@org/setup';
import { type Circuit, circuit, type CircuitOptions } from '@org/circuit';

const served: Served[] = [];
const made: Circuit[] = [];
afterEach(async () => {
  for (const one of served.splice(0)) await one.close();
  for (const one of made.splice(0)) await one.close();
});

function make(options: Partial<CircuitOptions> = {}): { circuit: Circuit; clock: FakeClock } {
  const clock = fakeClock();
  const one = circuit({
    strategies: ['consecutive', 'slow-call-rate'],
    consecutiveFailures: 2,
    minimumCalls: 2,
    halfOpenCalls: 1,
    openMs: 1500,
    openJitterRatio: 0,
    closeRatio: 0,
    clock,
    ...options,
  });
  made.push(one);
  return { circuit: one, clock };
}

const answer = (req: Request, res: Response): void => {
  res.status(Number(req.params.status)).json({ hello: 'world' });
};

async function start(app: Express): Promise<string> {
  const one = await serve(app);
  served.push(one);
  return one.url;
}

const statusOf = async (url: string): Promise<number> => {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
};

test('one route: refuses with a problem and when to come back, tries again, and recovers', async () => {
  const { circuit: one, clock } = make();
  const calls: string[] = [];
  const errors: unknown[] = [];
  const app = express();
  app.use((req, res, next) => {
    res.on('finish', () => errors.push(exchangeOf(req, res).error));
    next();
  });
  app.get('/reports/:status', one.inbound, (req, res) => {
    calls.push(req.path);
    answer(req, res);
  });
  const url = await start(app);
  for (const status of [200, 404, 404, 404, 500, 503]) {
    expect(await statusOf(`${url}/reports/${status}`)).toBe(status);
  }
  const refused = await fetch(`${url}/reports/200`);
  expect(refused.status).toBe(503);
  expect(refused.headers.get('content-type')).toBe('application/problem+json');
  expect(refused.headers.get('retry-after')).toBe('2');
  expect(await refused.json()).toEqual({
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    code: 'ERR_CIRCUIT_OPEN',
    detail: 'This part of the service does not work at the moment. Try again in 2 s.',
  });
  expect(calls).toHaveLength(6);
  expect(errors.at(-1)).toMatchObject({ code: 'ERR_CIRCUIT_OPEN' });
  clock.advance(1500);
  expect(await statusOf(`${url}/reports/200`)).toBe(200);
  expect(one.breaker.state.kind).toBe('closed');
});

test('several routes have a breaker each, with options of their own, and the others none', async () => {
  const { circuit: one, clock } = make({
    routes: {
      '/reports/health/:status': false,
      '/reports/*path': { slowCallMs: 100 },
      '/quotes/:status': { consecutiveFailures: 1 },
    },
  });
  const app = express();
  app.use(one.inbound);
  app.get('/reports/slow', (_req, res) => {
    clock.advance(100);
    res.json({});
  });
  for (const path of [
    '/reports/:status',
    '/reports/health/:status',
    '/quotes/:status',
    '/:status',
  ]) {
    app.get(path, answer);
  }
  const url = await start(app);
  expect(await statusOf(`${url}/quotes/500`)).toBe(500);
  expect(await statusOf(`${url}/quotes/200`)).toBe(503);
  expect(await statusOf(`${url}/reports/200`)).toBe(200);
  expect(await statusOf(`${url}/reports/slow`)).toBe(200);
  expect(await statusOf(`${url}/reports/200`)).toBe(503);
  expect(await statusOf(`${url}/reports/health/200`)).toBe(200);
  for (let at = 0; at < 3; at++) expect(await statusOf(`${url}/500`)).toBe(500);
  expect(await statusOf(`${url}/200`)).toBe(200);
  expect(one.health().detail).toBe('circuit "/reports/*path" is open, "/quotes/:status" is open');
});

test('a client that goes before there is an answer says nothing', async () => {
  const { circuit: one } = make();
  const app = express();
  app.get('/', one.inbound, (req) => void req.app.emit('arrived'));
  const url = await start(app);
  for (let at = 0; at < 3; at++) {
    const arrived = once(app as never, 'arrived');
    const leaving = new AbortController();
    const response = fetch(url, { signal: leaving.signal });
    await arrived;
    leaving.abort();
    await response.catch(() => undefined);
  }
  while (one.breaker.stats().inflight !== 0) await new Promise((resolve) => setImmediate(resolve));
  expect(one.breaker.stats()).toMatchObject({ state: 'closed', ignoredTotal: 3 });
});

test('an answer counts with its head: neither slow readers nor streams without an end are slow', async () => {
  const { circuit: one, clock } = make({ slowCallMs: 100 });
  const app = express();
  let end!: () => void;
  app.get('/', one.inbound, (_req, res) => {
    res.type('text/event-stream').flushHeaders();
    end = () => res.end();
  });
  const url = await start(app);
  for (let at = 0; at < 3; at++) {
    const response = await fetch(url);
    expect(one.breaker.stats().inflight).toBe(0);
    clock.advance(10_000);
    end();
    await response.text();
  }
  expect(one.breaker.stats()).toMatchObject({ state: 'closed', successTotal: 3, slowTotal: 0 });
});

test('mounted twice a request counts once', async () => {
  const { circuit: one } = make();
  const url = await start(express().get('/:status', one.inbound, one.inbound, answer));
  expect(await statusOf(`${url}/200`)).toBe(200);
  expect(one.breaker.stats()).toMatchObject({ successTotal: 1, inflight: 0 });
});

test('what a handler throws counts by the status of its answer', async () => {
  const { circuit: one } = make();
  const app = express();
  app.get('/', one.inbound, () => {
    throw new Error('deliberate');
  });
  const url = await start(app.set('env', 'test'));
  expect(await statusOf(url)).toBe(500);
  expect(await statusOf(url)).toBe(500);
  expect(await statusOf(url)).toBe(503);
});

test('under setup it stands behind the queue, and the component shows its health', async () => {
  const { circuit: one } = make({ routes: { '/:status': {} } });
  const app = express();
  const queue = defineMiddleware({
    name: 'queue',
    phase: 'admit',
    priority: 90,
    step: () => undefined,
  });
  const stack = setup(app, [one, one.inbound, queue]);
  app.get('/:status', answer);
  const server = await stack.listen(0);
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  for (const status of [500, 500, 503]) expect(await statusOf(`${url}/${status}`)).toBe(status);
  expect(await statusOf(`${url}/200`)).toBe(503);
  const admitting = stack.explain().rows.filter(({ phase }) => phase === 'admit');
  expect(admitting.map(({ name }) => name)).toEqual(['queue', 'circuit:inbound']);
  await stack.close();
});

test('the catalogue brings the component, and its middleware where there are routes', async () => {
  const names = async (options: object): Promise<string[]> => {
    const parts = await standard({
      isEnabled: (name) => name === 'circuit',
      options: () => options,
    });
    return (parts.flat() as Circuit[]).map(({ name }) => name);
  };
  expect(await names({})).toEqual(['circuit']);
  expect(await names({ routes: { '/reports': {} } })).toEqual(['circuit', 'circuit:inbound']);
});
