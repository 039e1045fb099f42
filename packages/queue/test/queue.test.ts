import diagnostics from 'node:diagnostics_channel';
import { request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { type Exchange, exchangeOf, internalRequest, PROBLEM_JSON } from '@org/core';
import { type FakeClock, fakeClock, serve } from '@org/core/testing';
import { type Queue, queue, QUEUE_CHANNEL, type QueueEvent, type QueueOptions } from '@org/queue';
import { setup } from '@org/setup';

/** Handlers that wait until a test lets them go on. */
class Gate {
  readonly inside: Response[] = [];
  private readonly arrivals: { readonly count: number; readonly resolve: () => void }[] = [];

  readonly handler = (_req: Request, res: Response): void => {
    this.inside.push(res);
    for (const { count, resolve } of this.arrivals) if (this.inside.length >= count) resolve();
  };

  /** Waits until `count` requests have come in since the start. */
  async until(count: number): Promise<void> {
    if (this.inside.length < count) {
      await new Promise<void>((resolve) => this.arrivals.push({ count, resolve }));
    }
  }
}

interface Running {
  readonly url: string;
  readonly made: Queue;
  readonly gate: Gate;
  readonly clock: FakeClock;
  readonly app: Express;
  close(): Promise<unknown>;
}

const open: Running[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** Serves an app with a queue, whose `/wait` answers when a test says so. */
async function start(
  options: Partial<QueueOptions> = {},
  how: 'used' | 'setup' | 'sub-router' = 'used',
  before: (exchange: Exchange) => void = () => undefined,
): Promise<Running> {
  const clock = fakeClock();
  const gate = new Gate();
  const made = queue({ maxConcurrent: 1, clock, random: () => 0.5, ...options });
  const app = express();
  const routes = (to: express.Router): void => {
    to.get('/wait', gate.handler);
    to.get('/at-once', (_req, res) => void res.send('done'));
    to.get('/stream', (_req, res) => {
      res.set('Content-Type', 'text/event-stream; charset=utf-8').flushHeaders();
    });
    to.get('/fails', () => {
      throw new Error('deliberate');
    });
  };
  const first = (req: Request, res: Response, next: NextFunction): void => {
    before(exchangeOf(req, res, clock));
    next();
  };
  let close: () => Promise<unknown>;
  let url: string;
  if (how === 'setup') {
    const stack = setup(app, [made], { clock });
    routes(app);
    const server = await stack.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    close = async () => {
      server.closeAllConnections();
      await stack.close();
    };
  } else {
    app.use(first);
    const router = how === 'used' ? app : express.Router();
    router.use(made);
    routes(router);
    if (how === 'sub-router') app.use('/sub', router);
    const served = await serve(app);
    url = how === 'used' ? served.url : `${served.url}/sub`;
    close = async () => {
      await served.close();
      await made.close?.();
    };
  }
  const running = { url, made, gate, clock, app, close };
  open.push(running);
  return running;
}

const statsOf = ({ made }: Running): Record<string, unknown> => ({ ...made.stats?.() });

/** Waits for something that follows from what has been done, turn by turn of the event loop. */
async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

const queued =
  (running: Running, count: number): (() => boolean) =>
  () =>
    statsOf(running)['queued'] === count;

interface Problem {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

describe.each(['used', 'setup', 'sub-router'] as const)('queue, %s', (how) => {
  it('lets as many work as may, has the others wait, and goes on in order', async () => {
    const running = await start({ maxConcurrent: 2 }, how);
    const { url, gate } = running;
    const answers = [1, 2, 3].map(async () => (await fetch(`${url}/wait`)).text());
    await gate.until(2);
    await eventually(queued(running, 1));
    expect(gate.inside.length).toBe(2);
    gate.inside[0]!.send('first');
    await gate.until(3);
    gate.inside[1]!.send('second');
    gate.inside[2]!.send('third');
    expect((await Promise.all(answers)).toSorted()).toEqual(['first', 'second', 'third']);
    await eventually(() => statsOf(running)['inflight'] === 0);
    expect(statsOf(running)).toMatchObject({ admittedTotal: 3, queuedTotal: 1, refusedTotal: {} });
  });

  it('refuses with 503, a problem document and a Retry-After', async () => {
    const running = await start({ maxQueueSize: 0 }, how);
    const waiting = fetch(`${running.url}/wait`);
    await running.gate.until(1);
    const answer = await fetch(`${running.url}/at-once`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toBe(PROBLEM_JSON);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    // 1 s, and half of 4 s.
    expect(answer.headers.get('retry-after')).toBe('3');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      detail: 'The service is busy, and as many requests wait as may. Try again in 3 s.',
      code: 'ERR_QUEUE_FULL',
    });
    running.gate.inside[0]!.send('');
    await waiting;
    expect((await fetch(`${running.url}/at-once`)).status).toBe(200);
  });
});

describe('queue', () => {
  it('tells clients to come back at different times', async () => {
    let drawn = 0;
    const running = await start({ maxQueueSize: 0, random: () => (drawn += 0.25) % 1 });
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const told = [];
    for (let at = 0; at < 4; at++) {
      told.push((await fetch(`${running.url}/at-once`)).headers.get('retry-after'));
    }
    expect(told).toEqual(['2', '3', '4', '1']);
  });

  it('hands refusals to the error handlers if it is told to', async () => {
    const running = await start({ maxQueueSize: 0, throwRefusals: true });
    running.app.use((error: Error, _req: Request, res: Response, _next: NextFunction) => {
      const { code, status } = error as Error & { code: string; status: number };
      res.status(status).send(`handled ${code}`);
    });
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const answer = await fetch(`${running.url}/at-once`);
    expect([answer.status, await answer.text()]).toEqual([503, 'handled ERR_QUEUE_FULL']);
  });

  it.each([false, true])('refuses who has waited longest, thrown: %s', async (throwRefusals) => {
    const running = await start({ maxWaitMs: 300, targetWaitMs: 300, throwRefusals });
    running.app.use((error: Problem, _req: Request, res: Response, _next: NextFunction) => {
      res.status(error.status).json({ code: error.code });
    });
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const late = fetch(`${running.url}/at-once`);
    await eventually(queued(running, 1));
    running.clock.advance(310);
    const answer = await late;
    expect(answer.status).toBe(503);
    expect(((await answer.json()) as Problem).code).toBe('ERR_QUEUE_TIMEOUT');
    expect(statsOf(running)).toMatchObject({ queued: 0, refusedTotal: { timeout: 1 } });
  });

  it('refuses when the deadline of the exchange has passed, before the longest wait', async () => {
    const running = await start({}, 'used', (exchange) => {
      if (exchange.req.path === '/at-once') exchange.deadlineMs = exchange.startMs + 40;
    });
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const late = fetch(`${running.url}/at-once`);
    await eventually(queued(running, 1));
    running.clock.advance(50);
    expect(((await (await late).json()) as Problem).code).toBe('ERR_QUEUE_DEADLINE');
  });

  it.each([
    ['0.04', 'ERR_QUEUE_DEADLINE', 50],
    ['99999', 'ERR_QUEUE_TIMEOUT', 510],
    ['-1', 'ERR_QUEUE_TIMEOUT', 510],
    ['1e9', 'ERR_QUEUE_TIMEOUT', 510],
    ['soon', 'ERR_QUEUE_TIMEOUT', 510],
  ])('takes a deadline of %s s from a header only to wait less', async (given, code, afterMs) => {
    const running = await start({
      deadlineHeader: 'Request-Timeout',
      maxWaitMs: 500,
      targetWaitMs: 500,
    });
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const late = fetch(`${running.url}/at-once`, { headers: { 'request-timeout': given } });
    await eventually(queued(running, 1));
    running.clock.advance(afterMs);
    expect(((await (await late).json()) as Problem).code).toBe(code);
  });

  it('forgets who leaves while waiting, and gives its permit to nobody', async () => {
    const running = await start();
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const leave = new AbortController();
    const gone = fetch(`${running.url}/wait`, { signal: leave.signal }).catch(() => 'gone');
    await eventually(queued(running, 1));
    leave.abort();
    expect(await gone).toBe('gone');
    await eventually(queued(running, 0));
    running.gate.inside[0]!.send('');
    await eventually(() => statsOf(running)['inflight'] === 0);
    expect(running.gate.inside.length).toBe(1);
    expect(statsOf(running)).toMatchObject({ abandonedTotal: 1, admittedTotal: 1 });
  });

  it('gives no permit to a request that somebody else has answered, sent or not', async () => {
    let late: Exchange | undefined;
    const running = await start({}, 'used', (exchange) => {
      if (exchange.req.method === 'PUT') late = exchange;
    });
    running.app.put('/wait', running.gate.handler);
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    // A client that reads nothing: its answer does not end.
    const socket = connect(Number(new URL(running.url).port), '127.0.0.1').pause();
    socket.write('PUT /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    await eventually(queued(running, 1));
    late!.res.status(504).end(Buffer.alloc(20_000_000));
    running.gate.inside[0]!.send('');
    await eventually(() => statsOf(running)['inflight'] === 0 && queued(running, 0)());
    expect(running.gate.inside.length).toBe(1);
    socket.destroy();
  });

  it('takes the permit of a client that leaves while it is served back, once', async () => {
    const running = await start();
    const leave = new AbortController();
    const gone = fetch(`${running.url}/wait`, { signal: leave.signal }).catch(() => 'gone');
    await running.gate.until(1);
    expect(statsOf(running)['inflight']).toBe(1);
    leave.abort();
    expect(await gone).toBe('gone');
    await eventually(() => statsOf(running)['inflight'] === 0);
    // The handler answers all the same.
    running.gate.inside[0]!.send('too late');
    expect((await fetch(`${running.url}/at-once`)).status).toBe(200);
    expect(statsOf(running)['inflight']).toBe(0);
  });

  it('takes permits back from answers that fail, and from errors', async () => {
    const running = await start();
    running.app.use((_error: Error, _req: Request, res: Response, _next: NextFunction) => {
      res.status(500).send('failed');
    });
    for (let at = 0; at < 3; at++) expect((await fetch(`${running.url}/fails`)).status).toBe(500);
    await eventually(() => statsOf(running)['inflight'] === 0);
  });

  it('has event streams hand their permit back with their head, unless it is told not to', async () => {
    const running = await start();
    const leave = new AbortController();
    const stream = await fetch(`${running.url}/stream`, { signal: leave.signal });
    expect(stream.status).toBe(200);
    expect(statsOf(running)).toMatchObject({ inflight: 0, releasedTotal: 1 });
    expect((await fetch(`${running.url}/at-once`)).status).toBe(200);
    leave.abort();

    const strict = await start({ releaseStreams: false, maxQueueSize: 0 });
    const keeps = new AbortController();
    await fetch(`${strict.url}/stream`, { signal: keeps.signal });
    expect((await fetch(`${strict.url}/at-once`)).status).toBe(503);
    keeps.abort();
  });

  it('takes a permit back from a handler that hands it back, once', async () => {
    const running = await start();
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const [res] = running.gate.inside;
    expect(running.made.release(res!)).toBe(true);
    expect(running.made.release(res!)).toBe(false);
    expect((await fetch(`${running.url}/at-once`)).status).toBe(200);
    res!.send('');
    await eventually(() => statsOf(running)['inflight'] === 0);
    expect(statsOf(running)).toMatchObject({ releasedTotal: 1 });
  });

  it('goes by what a route costs, how urgent it is, and how long it may wait', async () => {
    const running = await start({
      maxConcurrent: 3,
      maxQueueSize: 2,
      routes: {
        '/at-once': { priority: 'high', cost: 2 },
        '/fails': { maxWaitMs: 0 },
        '/exempt': false,
      },
    });
    running.app.get('/exempt', (_req, res) => void res.send('passes'));
    void fetch(`${running.url}/wait`).catch(() => undefined);
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(2);
    const heavy = fetch(`${running.url}/at-once`);
    await eventually(queued(running, 1));
    expect(statsOf(running)).toMatchObject({ classes: { high: { queued: 1 } } });
    expect(await (await fetch(`${running.url}/EXEMPT/?a=b`)).text()).toBe('passes');
    running.gate.inside[0]!.send('');
    expect((await heavy).status).toBe(200);
    expect(statsOf(running)).toMatchObject({ exemptTotal: 1 });
  });

  it('asks functions for cost and class, and takes no nonsense from them', async () => {
    const costs = [Number.NaN, -5, Infinity, 1.5];
    const running = await start({
      maxConcurrent: 5,
      cost: () => costs.shift() ?? 1,
      priority: () => 'no such class',
    });
    for (let at = 0; at < 4; at++) void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(4);
    expect(statsOf(running)['inflight']).toBe(1 + 1 + 1 + 2);
    const waits = fetch(`${running.url}/at-once`);
    await eventually(queued(running, 1));
    expect(statsOf(running)).toMatchObject({ classes: { normal: { queued: 1 } } });
    running.gate.inside[0]!.send('');
    await waits;
  });

  it('counts what exchange.cost says', async () => {
    const running = await start({ maxConcurrent: 5 }, 'used', (exchange) => {
      exchange.cost = 3;
    });
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    expect(statsOf(running)['inflight']).toBe(3);
  });

  it('holds up neither what is exempt nor the requests of the house itself', async () => {
    const running = await start({
      maxQueueSize: 0,
      exempt: (req) => req.headers['x-probe'] === 'yes',
    });
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const probe = await fetch(`${running.url}/at-once`, { headers: { 'x-probe': 'yes' } });
    expect(probe.status).toBe(200);
    const own = await internalRequest(running.app, { url: '/at-once' });
    expect(own.res.statusCode).toBe(200);
    const part = await internalRequest(running.app, { url: '/at-once', internal: false });
    expect(part.res.statusCode).toBe(503);
  });

  it('lets principals take turns', async () => {
    const running = await start({}, 'used', (exchange) => {
      exchange.principal = String(exchange.req.headers['x-user']);
    });
    const ask = (user: string): Promise<string> =>
      fetch(`${running.url}/wait`, { headers: { 'x-user': user } }).then((answer) => answer.text());
    const answers = [ask('a')];
    await running.gate.until(1);
    for (const [at, user] of ['a', 'a', 'b'].entries()) {
      answers.push(ask(user));
      await eventually(queued(running, at + 1));
    }
    for (let at = 0; at < 4; at++) {
      await running.gate.until(at + 1);
      const res = running.gate.inside[at]!;
      res.send(`${String(res.req.headers['x-user'])}${at}`);
    }
    expect(await Promise.all(answers)).toEqual(['a0', 'a1', 'a3', 'b2']);
  });

  it('in shadow refuses nobody, holds nobody up, and counts whom it would have', async () => {
    const events: QueueEvent[] = [];
    const running = await start({
      shadow: true,
      maxQueueSize: 1,
      onEvent: (event) => events.push(event),
    });
    for (let at = 0; at < 4; at++) void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(4);
    expect(statsOf(running)).toMatchObject({
      inflight: 4,
      admittedTotal: 4,
      queuedTotal: 1,
      refusedTotal: {},
      wouldRefuseTotal: { full: 2 },
    });
    expect(events.map((event) => event.type)).toEqual(['refused', 'refused']);
    expect(events[0]).toMatchObject({ reason: 'full', shadow: true });
  });

  it('tells what happens, to a hook and on a channel', async () => {
    const hooked: string[] = [];
    const heard: string[] = [];
    const listener = (event: unknown): void => void heard.push((event as QueueEvent).type);
    diagnostics.subscribe(QUEUE_CHANNEL, listener);
    const running = await start({
      maxQueueSize: 1,
      onEvent: ({ type }) => {
        hooked.push(type);
      },
    });
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const waits = fetch(`${running.url}/at-once`);
    await eventually(queued(running, 1));
    expect((await fetch(`${running.url}/at-once`)).status).toBe(503);
    running.gate.inside[0]!.send('');
    await waits;
    diagnostics.unsubscribe(QUEUE_CHANNEL, listener);
    expect(hooked).toEqual(['queued', 'refused', 'admitted']);
    expect(heard).toEqual(hooked);
  });

  it('warns while the queue stands', async () => {
    const running = await start();
    const health = (): unknown => running.made.health?.(new AbortController().signal);
    expect(health()).toEqual({ status: 'pass' });
    const answers = [fetch(`${running.url}/wait`)];
    await running.gate.until(1);
    for (let at = 1; at <= 12; at++) {
      answers.push(fetch(`${running.url}/wait`));
      await eventually(queued(running, at));
    }
    // Each takes 60 ms, and whoever is next has waited for all before.
    for (let at = 0; statsOf(running)['overloaded'] === false; at++) {
      await running.gate.until(at + 1);
      running.clock.advance(60);
      running.gate.inside[at]!.send('');
      await eventually(() => running.gate.inside.length > at + 1 || queued(running, 0)());
    }
    expect(health()).toMatchObject({ status: 'warn' });
    running.clock.advance(60);
    await eventually(queued(running, 0));
    expect(health()).toEqual({ status: 'warn', detail: 'overloaded: 0 requests wait' });
    running.gate.inside.at(-1)!.send('');
    const last = await answers.at(-1)!;
    expect(((await last.json()) as Problem).code).toBe('ERR_QUEUE_OVERLOADED');
  });

  it('when it is closed, refuses those who wait, ends their connection, and is out of the way', async () => {
    const running = await start();
    const working = fetch(`${running.url}/wait`);
    await running.gate.until(1);
    const waits = fetch(`${running.url}/at-once`);
    await eventually(queued(running, 1));
    await running.made.close?.();
    const answer = await waits;
    expect(answer.status).toBe(503);
    expect(answer.headers.get('connection')).toBe('close');
    expect(((await answer.json()) as Problem).code).toBe('ERR_QUEUE_CLOSED');
    expect((await fetch(`${running.url}/at-once`)).status).toBe(200);
    running.gate.inside[0]!.send('done');
    expect(await (await working).text()).toBe('done');
    expect(statsOf(running)['inflight']).toBe(0);
  });

  it('answers a refused POST without reading its body, and keeps the connection', async () => {
    const running = await start({ maxQueueSize: 0 });
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    for (let at = 0; at < 2; at++) {
      const answer = await fetch(`${running.url}/at-once`, {
        method: 'POST',
        body: 'x'.repeat(200_000),
      });
      expect(answer.status).toBe(503);
      expect(answer.headers.get('connection')).not.toBe('close');
      await answer.text();
    }
  });

  it('reads no body of a request that waits', async () => {
    const running = await start();
    running.app.use(express.text());
    running.app.post('/echo', (req, res) => void res.send(req.body));
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const body = 'words '.repeat(10_000);
    const headers = { 'content-type': 'text/plain' };
    const echo = fetch(`${running.url}/echo`, { method: 'POST', body, headers });
    await eventually(queued(running, 1));
    running.gate.inside[0]!.send('');
    expect(await (await echo).text()).toBe(body);
  });

  it('survives pipelined requests whose connection is cut', async () => {
    const running = await start();
    const { port } = new URL(running.url);
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('GET /at-once HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5));
    await eventually(queued(running, 5));
    socket.destroy();
    await eventually(queued(running, 0));
    running.gate.inside[0]!.send('');
    await eventually(() => statsOf(running)['inflight'] === 0);
    expect(statsOf(running)).toMatchObject({ abandonedTotal: 5 });
  });

  it('takes permits back from pipelined answers that wait for one that does not end', async () => {
    const running = await start();
    const { port } = new URL(running.url);
    const socket = connect(Number(port), '127.0.0.1');
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    socket.write(get('/stream') + get('/at-once').repeat(3));
    await eventually(() => statsOf(running)['admittedTotal'] === 4);
    expect((await fetch(`${running.url}/at-once`)).status).toBe(200);
    expect(statsOf(running)).toMatchObject({ inflight: 0, releasedTotal: 1 });
    socket.destroy();
  });

  it('does not have a pipelined request wait for one behind it that went first', async () => {
    const running = await start({ priority: (req) => (req.path === '/at-once' ? 'high' : 'low') });
    running.app.get('/less-urgent', (_req, res) => void res.send('less'));
    const { port } = new URL(running.url);
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const socket = connect(Number(port), '127.0.0.1');
    let got = '';
    socket.on('data', (chunk) => (got += String(chunk)));
    socket.write(
      'GET /less-urgent HTTP/1.1\r\nHost: a\r\n\r\nGET /at-once HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    await eventually(queued(running, 2));
    running.gate.inside[0]!.send('');
    await eventually(() => got.endsWith('done'));
    expect(got.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
    socket.destroy();
  });

  it('answers HEAD as it answers GET', async () => {
    const running = await start({ maxQueueSize: 0 });
    void fetch(`${running.url}/wait`).catch(() => undefined);
    await running.gate.until(1);
    const status = await new Promise((resolve, reject) => {
      request(`${running.url}/at-once`, { method: 'HEAD', agent: false }, (answer) => {
        answer.resume();
        resolve([answer.statusCode, answer.headers['retry-after']]);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toEqual([503, '3']);
  });

  it('refuses options that it cannot work with, of routes too', () => {
    expect(() => queue({ maxConcurrent: 0 })).toThrow(
      'option "maxConcurrent" must be a whole number, at least 1',
    );
    expect(() => queue({ limit: 'fastest' as 'fixed' })).toThrow('option "limit" must be one of');
    expect(() => queue({ limit: { limit: 0 } })).toThrow('a Limit');
    expect(() => queue({ classes: ['a', 'a'] })).toThrow('a list of 1 to 16 different names');
    expect(() => queue({ routes: { '/a': { priority: 'urgent' } } })).toThrow(
      'queue: route "/a": option "priority" must be one of high, normal, low, but is "urgent".',
    );
    expect(() => queue({ routes: { '/a': { cost: 0 } } })).toThrow('queue: route "/a"');
    expect(() => queue({ routes: { '/(': false } })).toThrow('no path pattern');
  });

  it.each(['fixed', 'aimd', 'vegas', 'gradient'] as const)('works with %s', async (limit) => {
    const running = await start({ limit, maxConcurrent: 3 });
    for (let at = 0; at < 5; at++) expect((await fetch(`${running.url}/at-once`)).status).toBe(200);
    expect(statsOf(running)).toMatchObject({ admittedTotal: 5, limit: 3 });
  });

  it('works with a limit of one’s own, and tells it how the work went', async () => {
    const heard: boolean[] = [];
    let closed = 0;
    const limit = {
      limit: 2,
      onSample: ({ dropped }: { readonly dropped: boolean }) => void heard.push(dropped),
      close: () => void closed++,
    };
    const running = await start({ limit });
    running.app.get('/busy', (_req, res) => void res.sendStatus(503));
    running.app.get('/none', (_req, res) => void res.sendStatus(404));
    for (const path of ['at-once', 'busy', 'none']) await fetch(`${running.url}/${path}`);
    await eventually(() => statsOf(running)['inflight'] === 0);
    expect(heard).toEqual([false, true]);
    await running.made.close?.();
    await running.made.close?.();
    expect(closed).toBe(1);
  });
});
