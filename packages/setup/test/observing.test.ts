import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { request } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import express from 'express';

import {
  defineMiddleware,
  defineStages,
  type Exchange,
  FAULT_CHANNEL,
  HANDLED,
  type Host,
  type Middleware,
  type Phase,
  ProblemError,
  type Step,
} from '@org/core';
import { fakeClock, recordExchanges, serve } from '@org/core/testing';
import { setup, type Stack } from '@org/setup';

const clock = fakeClock();

/** A step that takes its time, by the clock. */
const taking = (name: string, ms: number, phase: Phase = 'shape', result?: Step): Middleware =>
  defineMiddleware({
    name,
    phase,
    step(exchange) {
      clock.advance(ms);
      return result?.(exchange);
    },
  });

/** Keeps exchanges, and shows the stack's inside to the test. */
function observer(): {
  middleware: Middleware;
  host(): Host;
  next(): Promise<Exchange>;
} {
  let host: Host | undefined;
  const settled: Exchange[] = [];
  const waiting: ((exchange: Exchange) => void)[] = [];
  const stages = defineStages({
    done(exchange) {
      const waiter = waiting.shift();
      if (waiter === undefined) settled.push(exchange);
      else waiter(exchange);
    },
  });
  return {
    middleware: defineMiddleware({
      name: 'observer',
      phase: 'observe',
      attach: (given) => void (host = given),
      step: (exchange) => exchange.tap(stages),
    }),
    host: () => host!,
    next: () =>
      new Promise((resolve) => {
        const one = settled.shift();
        if (one === undefined) waiting.push(resolve);
        else resolve(one);
      }),
  };
}

const stackOf = (...parts: readonly Middleware[]): Stack => {
  const app = express();
  const stack = setup(app, parts, { clock });
  app.get('/', (_req, res) => {
    clock.advance(7);
    res.send('fine');
  });
  return stack;
};

const own = (exchange: Exchange): [string, number][] =>
  exchange
    .timeline!.spans(exchange)
    .filter(({ name }) => name !== 'monitoring' && name !== 'flush')
    .map(({ name, selfMs }) => [name, selfMs]);

describe('where the time of a request goes', () => {
  const plain = defineMiddleware({
    name: 'plain',
    phase: 'shape',
    handle: (_req, _res, next) => {
      clock.advance(3);
      setImmediate(() => {
        clock.advance(4);
        next();
      });
    },
  });
  const waiting = taking('queue', 1, 'admit', async () => {
    await new Promise(setImmediate);
    clock.advance(20);
  });

  test('is kept for the requests that somebody picks: steps, promises, handlers, the route', async () => {
    const { middleware, host, next } = observer();
    const stack = stackOf(taking('first', 2), plain, waiting, middleware);
    const server = await stack.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const stop = host().timeRequests(({ req }) => req.headers['x-time'] === 'yes');
    await fetch(url);
    expect((await next()).timeline).toBeUndefined();
    await fetch(url, { headers: { 'x-time': 'yes' } });
    expect(own(await next())).toEqual([
      ['observer', 0],
      ['first', 2],
      ['plain', 7],
      ['queue', 21],
      ['handler', 7],
    ]);
    stop();
    await fetch(url, { headers: { 'x-time': 'yes' } });
    expect((await next()).timeline).toBeUndefined();
    await stack.close();
  });

  test('ends with the one who answers', async () => {
    const { middleware, host, next } = observer();
    const answering = taking('cache', 5, 'reuse', ({ res }) => {
      res.end('kept');
      return HANDLED;
    });
    const stack = stackOf(answering, taking('never', 1, 'admit'), middleware);
    const server = await stack.listen(0, '127.0.0.1');
    host().timeRequests(() => true);
    await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect(own(await next())).toEqual([
      ['observer', 0],
      ['cache', 5],
    ]);
    await stack.close();
  });

  test('is kept by a stack that Express serves, too', async () => {
    const { middleware, host, next } = observer();
    const app = express();
    const stack = setup(app, [taking('first', 2), middleware], { clock });
    app.get('/', (_req, res) => void res.send('fine'));
    await stack.start();
    host().timeRequests(() => true);
    const { url, close } = await serve(app);
    await fetch(url);
    expect(own(await next())).toEqual([
      ['observer', 0],
      ['first', 2],
      ['handler', 0],
    ]);
    await close();
    await stack.close();
  });
});

test('the traffic of each middleware: calls, and failures that are no refusals', async () => {
  const { middleware, host } = observer();
  const refusing = taking('limit', 0, 'protect', ({ req }) => {
    if (req.url === '/refused') {
      throw new ProblemError({ code: 'ERR_TOO_MUCH', status: 429, detail: 'Later.' });
    }
  });
  const failing = taking('broken', 0, 'shape', ({ req }) => {
    if (req.url === '/broken') throw new Error('a bug');
  });
  const scoped = taking('elsewhere', 0, 'reuse');
  const app = express();
  const stack = setup(app, [refusing, failing, scoped, middleware], {
    routes: { elsewhere: { include: ['/other'] } },
  });
  app.get('/', (_req, res) => void res.send('fine'));
  const server = await stack.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const path of ['/', '/refused', '/broken']) await fetch(url + path);
  const traffic = (): unknown[] =>
    host()
      .traffic()
      .filter(({ name }) => name !== 'monitoring')
      .map(({ name, phase, callsTotal, errorsTotal }) => [name, phase, callsTotal, errorsTotal]);
  expect(traffic()).toEqual([
    ['observer', 'observe', 3, 0],
    ['limit', 'protect', 3, 0],
    ['broken', 'shape', 2, 1],
    ['elsewhere', 'reuse', 0, 0],
  ]);
  stack.disable('elsewhere');
  expect(traffic()).toHaveLength(3);
  stack.enable('elsewhere');
  expect(traffic()[1]).toEqual(['limit', 'protect', 3, 0]);
  await stack.close();
});

describe('a request for another protocol', () => {
  /** Asks for an upgrade; answers the status, the body or what the socket said first. */
  const upgrade = (url: string, headers: Record<string, string> = {}): Promise<[number, string]> =>
    new Promise((resolve, reject) => {
      const asking = request(url, {
        headers: { Connection: 'Upgrade', Upgrade: 'chat', ...headers },
      });
      asking.once('error', reject);
      asking.once('upgrade', (res, socket, head) => {
        const first = head.length > 0 ? Promise.resolve(head) : once(socket);
        void first.then((data) => {
          socket.destroy();
          resolve([res.statusCode!, String(data)]);
        });
      });
      asking.once('response', (res) => {
        let text = '';
        res.on('data', (chunk: Buffer) => (text += String(chunk)));
        res.once('end', () => resolve([res.statusCode!, text]));
      });
      asking.end();
    });
  const once = (socket: Socket): Promise<Buffer> =>
    new Promise((resolve) => socket.once('data', resolve));

  /** Says hello on every connection that is let in. */
  const chat = (seen: string[]): Middleware =>
    defineMiddleware({
      name: 'chat',
      phase: 'session',
      step: () => void seen.push('session'),
      attach: (host) =>
        host.onServer((server) =>
          server.on('upgrade', (req, socket) =>
            host.admitUpgrade(req, socket, (exchange) => {
              socket.on('error', () => undefined).on('end', () => socket.end());
              seen.push(`${exchange.settled} ${exchange.aborted} ${exchange.res.statusCode}`);
              socket.write(
                'HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n',
              );
              socket.write('hello');
            }),
          ),
        ),
    });

  test('passes the phases up to protect, and goes on as a socket', async () => {
    const seen: string[] = [];
    const { middleware, next } = observer();
    const limit = taking('limit', 0, 'protect', ({ req }) => void seen.push(req.path));
    const stack = stackOf(
      middleware,
      limit,
      taking('cache', 0, 'reuse', () => void seen.push('cache')),
      chat(seen),
    );
    const server = await stack.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await upgrade(`${url}/chat?room=1`)).toEqual([101, 'hello']);
    expect(seen).toEqual(['/chat', 'true false 101']);
    const exchange = await next();
    expect([exchange.upgraded, exchange.aborted, exchange.bytes]).toEqual([true, false, 0]);
    await stack.close();
  });

  test('that is refused gets the answer that every request would get, and the connection ends', async () => {
    const seen: string[] = [];
    const limit = taking('limit', 0, 'protect', ({ req }) => {
      if (req.headers.authorization === undefined) {
        throw new ProblemError({ code: 'ERR_WHO', status: 401, detail: 'Say who you are.' });
      }
      return undefined;
    });
    const { middleware: recorder, waitFor } = recordExchanges();
    const stack = stackOf(limit, chat(seen), recorder);
    const server = await stack.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const [status, body] = await upgrade(url);
    expect(status).toBe(401);
    const [settled] = await waitFor(1);
    expect([settled!.upgraded, settled!.aborted, settled!.res.statusCode]).toEqual([
      false,
      false,
      401,
    ]);
    expect(JSON.parse(body)).toMatchObject({ status: 401, detail: 'Say who you are.' });
    expect(seen).toEqual([]);
    expect(await upgrade(url, { authorization: 'Bearer me' })).toEqual([101, 'hello']);
    await stack.close();
  });

  test('and was let in does not keep a stack from closing: its component ends it', async () => {
    const app = express();
    const stack = setup(app, [chat([])], { closeTimeoutMs: 500 });
    const server = await stack.listen(0, '127.0.0.1');
    const asking = request({
      port: (server.address() as AddressInfo).port,
      headers: { Connection: 'Upgrade', Upgrade: 'chat' },
    });
    asking.end();
    const socket = await new Promise<Socket>((resolve) =>
      asking.once('upgrade', (_res, upgraded) => resolve(upgraded)),
    );
    expect((await stack.close()).closed).toContain('chat');
    socket.destroy();
  });

  test('whose client has gone meanwhile is not let in', async () => {
    const seen: string[] = [];
    let go!: () => void;
    const slow = taking('slow', 0, 'protect', ({ req }) => {
      req.socket.destroy();
      return new Promise<void>((resolve) => (go = resolve));
    });
    const { middleware, next } = observer();
    const stack = stackOf(middleware, slow, chat(seen));
    const server = await stack.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await expect(upgrade(url)).rejects.toThrow('socket hang up');
    expect((await next()).aborted).toBe(true);
    go();
    await new Promise(setImmediate);
    expect(seen).toEqual([]);
    await stack.close();
  });
});

test('whoever holds streams hears of the drain, once, and one that fails does not keep it from others', async () => {
  const heard: string[] = [];
  const listening = (name: string, listener: () => void): Middleware =>
    defineMiddleware({
      name,
      phase: 'edge',
      step: () => undefined,
      attach: (host) => host.onDrain(listener),
    });
  const { middleware, host } = observer();
  const stack = stackOf(
    middleware,
    listening('broken', () => {
      throw new Error('deliberate');
    }),
    listening('streams', () => void heard.push(host().state)),
  );
  const faults: string[] = [];
  const note = (fault: unknown): void => void faults.push((fault as { where: string }).where);
  subscribe(FAULT_CHANNEL, note);
  await stack.start();
  host().drain();
  host().drain();
  await stack.close();
  unsubscribe(FAULT_CHANNEL, note);
  expect([heard, faults]).toEqual([['draining'], ['setup onDrain']]);
});
