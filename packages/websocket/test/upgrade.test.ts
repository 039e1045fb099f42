import { subscribe as hear, unsubscribe as unhear } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { connect as dial, type Socket } from 'node:net';
import {
  defineMiddleware,
  type Fault,
  FAULT_CHANNEL,
  HANDLED,
  type Middleware,
  ProblemError,
} from '@org/core';
import { fakeClock, recordExchanges } from '@org/core/testing';
import { errors } from '@org/errors';
import { rateLimit } from '@org/rate-limit';
import { setup } from '@org/setup';
import { bearerOf, type Websocket, websocket, type WebsocketOptions } from '@org/websocket';
import express from 'express';

import { codeOf, type Live, Peer, start, upgrade, type Way, WAYS } from './live.ts';

let running: Live[] = [];

afterEach(async () => {
  for (const live of running.splice(0)) await live.close();
  running = [];
});

async function serve(
  options: Partial<WebsocketOptions> = {},
  way?: Way,
  others?: readonly Middleware[],
): Promise<Live & { channels: Websocket; sockets: Set<Socket> }> {
  const channels = websocket({ channels: { 'news/:topic': {} }, ...options });
  const live = await start(channels, way, others);
  running.push(live);
  const sockets = new Set<Socket>();
  live.server.on('connection', (socket) => sockets.add(socket));
  return { ...live, channels, sockets };
}

describe.each(WAYS)('an upgrade, %s', (way) => {
  test('becomes a connection that says hello, under the subprotocol', async () => {
    const live = await serve({}, way);
    const peer = await Peer.open(live);
    expect(peer.ws.protocol).toBe('channels.v1');
    expect(live.channels.stats()).toMatchObject({ connections: 1, openedTotal: 1 });
    await peer.end();
    await live.close();
    expect(live.channels.stats()).toMatchObject({ connections: 0, closedTotal: 1 });
  });

  test('of another address is 404, as a problem, and its connection ends', async () => {
    const { url } = await serve({}, way);
    const answer = await upgrade(`${url}/elsewhere`);
    expect([answer.status, codeOf(answer), answer.headers['content-type']]).toEqual([
      404,
      'ERR_NOT_FOUND',
      'application/problem+json',
    ]);
    expect(answer.headers.connection).toBe('close');
  });

  test('of another version is 426 and told which would do (RFC 6455 §4.2.2, §4.4)', async () => {
    const { url } = await serve({}, way);
    for (const version of ['8', '14', undefined]) {
      const answer = await upgrade(`${url}/live`, { 'Sec-WebSocket-Version': version });
      expect([answer.status, codeOf(answer)]).toEqual([426, 'ERR_WEBSOCKET_VERSION']);
      expect(answer.headers).toMatchObject({ 'sec-websocket-version': '13', upgrade: 'websocket' });
    }
  });

  test('without a good key, with a body or with another method is refused', async () => {
    const { url } = await serve({}, way);
    const outcome = async (headers: Record<string, string | undefined>, method?: string) => {
      const answer = await upgrade(`${url}/live`, headers, method);
      return [answer.status, codeOf(answer)];
    };
    expect(await outcome({ 'Sec-WebSocket-Key': 'short' })).toEqual([
      400,
      'ERR_WEBSOCKET_HANDSHAKE',
    ]);
    expect(await outcome({ 'Sec-WebSocket-Key': undefined })).toEqual([
      400,
      'ERR_WEBSOCKET_HANDSHAKE',
    ]);
    expect(await outcome({ 'Content-Length': '5' })).toEqual([400, 'ERR_WEBSOCKET_HANDSHAKE']);
    expect(await outcome({}, 'DELETE')).toEqual([405, 'ERR_METHOD_NOT_ALLOWED']);
  });

  test('that offers subprotocols must offer ours (RFC 6455 §4.2.2), or none', async () => {
    const { url } = await serve({}, way);
    const refused = await upgrade(`${url}/live`, { 'Sec-WebSocket-Protocol': 'graphql-ws' });
    expect([refused.status, codeOf(refused)]).toEqual([400, 'ERR_WEBSOCKET_PROTOCOL']);
    const chosen = await upgrade(`${url}/live`, {
      'Sec-WebSocket-Protocol': 'graphql-ws, channels.v1',
    });
    expect([chosen.status, chosen.headers['sec-websocket-protocol']]).toEqual([101, 'channels.v1']);
    const plain = await upgrade(`${url}/live`);
    expect([plain.status, plain.headers['sec-websocket-protocol']]).toEqual([101, undefined]);
  });

  test('to another protocol is ignored, and the request answered (RFC 9110 §7.8)', async () => {
    const { url } = await serve({}, way);
    const answer = await upgrade(`${url}/hello`, { Upgrade: 'h2c' });
    expect([answer.status, answer.body]).toEqual([200, 'hello']);
    expect((await upgrade(`${url}/live`, { Upgrade: 'h2c' })).status).toBe(426);
  });

  test('is needed at its address (RFC 9110 §15.5.22)', async () => {
    const { url } = await serve({}, way);
    const answer = await fetch(`${url}/live`);
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await answer.json()).toMatchObject({ code: 'ERR_UPGRADE_REQUIRED' });
    expect((await fetch(`${url}/livelier`)).status).toBe(404);
  });

  test('passes what protects: it is seen, counted and refused as any request', async () => {
    const { middleware, waitFor } = recordExchanges();
    const guard = defineMiddleware({
      name: 'guard',
      phase: 'protect',
      step(exchange) {
        if (exchange.req.get('x-key') !== undefined) {
          exchange.principal = 'ada';
          return undefined;
        }
        exchange.res.status(403).send('no');
        return HANDLED;
      },
    });
    const limit = rateLimit({ limit: 2 });
    const live = await serve({}, way, [middleware, guard, limit]);
    const refused = await upgrade(`${live.url}/live`);
    expect([refused.status, refused.body]).toEqual([403, 'no']);
    await Peer.open(live, { 'x-key': '1' });
    expect(live.channels.connections()).toMatchObject([{ principal: 'ada', address: '127.0.0.1' }]);
    await Peer.open(live, { 'x-key': '1' });
    const limited = await upgrade(`${live.url}/live`, { 'x-key': '1' });
    expect([limited.status, codeOf(limited)]).toEqual([429, 'ERR_RATE_LIMITED']);
    const seen = await waitFor(4);
    expect(seen.map(({ res, upgraded }) => [res.statusCode, upgraded])).toEqual([
      [403, false],
      [101, true],
      [101, true],
      [429, false],
    ]);
  });
});

describe('the origin of a page', () => {
  const statusOf = async (live: Live, origin: string | undefined, host?: string) =>
    (await upgrade(`${live.url}/live`, { Origin: origin, ...(host && { Host: host }) })).status;

  test('must be that of the host, unless it is no browser (RFC 6455 §10.2)', async () => {
    const live = await serve();
    const { host } = new URL(live.url);
    expect(await statusOf(live, undefined)).toBe(101);
    expect(await statusOf(live, `http://${host}`)).toBe(101);
    expect(await statusOf(live, `http://${host.toUpperCase()}`)).toBe(101);
    expect(await statusOf(live, 'https://app.example.org', 'APP.example.org')).toBe(101);
    expect(await statusOf(live, 'https://app.example.org', 'app.example.org:443')).toBe(101);
    for (const other of ['http://127.0.0.1:1', 'https://evil.example', 'null', 'nonsense', '']) {
      expect([other, await statusOf(live, other)]).toEqual([other, 403]);
    }
  });

  test('may be one of a list, any, or what a function says', async () => {
    const listed = await serve({ origins: ['https://app.example.org', 'null'] });
    expect(await statusOf(listed, 'https://APP.example.org')).toBe(101);
    expect(await statusOf(listed, 'null')).toBe(101);
    expect(await statusOf(listed, 'https://app.example.org.evil.example')).toBe(403);
    const any = await serve({ origins: 'any' });
    expect(await statusOf(any, 'https://evil.example')).toBe(101);
    const asked = await serve({ origins: (origin) => origin.endsWith('.example.org') });
    expect(await statusOf(asked, 'https://a.example.org')).toBe(101);
    const answer = await upgrade(`${asked.url}/live`, { Origin: 'https://evil.example' });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'ERR_ORIGIN_FORBIDDEN']);
  });
});

describe('who connects', () => {
  test.each(WAYS)('is found out at the upgrade, %s', async (way) => {
    const live = await serve(
      {
        authenticate: async ({ req }) => {
          const token = bearerOf(req);
          return token?.startsWith('good:')
            ? { principal: token.slice(5), data: { role: 'pilot' } }
            : undefined;
        },
      },
      way,
    );
    const refused = await upgrade(`${live.url}/live`, { Authorization: 'Bearer bad' });
    expect([refused.status, codeOf(refused), refused.headers['www-authenticate']]).toEqual([
      401,
      'ERR_UNAUTHENTICATED',
      'Bearer',
    ]);
    await Peer.open(live, { authorization: 'Bearer good:ada' });
    const coded = Buffer.from('good:ibn').toString('base64url');
    const byProtocol = await upgrade(`${live.url}/live`, {
      'Sec-WebSocket-Protocol': `channels.v1, bearer.${coded}`,
    });
    expect([byProtocol.status, byProtocol.headers['sec-websocket-protocol']]).toEqual([
      101,
      'channels.v1',
    ]);
    expect(live.channels.connections()[0]).toMatchObject({
      principal: 'ada',
      data: { role: 'pilot' },
    });
  });

  test('is refused where finding out fails or takes too long, and takes no seat', async () => {
    const clock = fakeClock();
    let asked!: () => void;
    const begun = new Promise<void>((resolve) => (asked = resolve));
    const live = await serve({
      clock,
      authenticate: async ({ req }) => {
        if (req.query['fails'] !== undefined) {
          throw new ProblemError({ code: 'ERR_DOWN', status: 502, detail: 'no directory' });
        }
        asked();
        return new Promise(() => undefined);
      },
    });
    expect((await upgrade(`${live.url}/live?fails`)).status).toBe(502);
    const hangs = upgrade(`${live.url}/live`);
    await begun;
    clock.advance(10_000);
    const answer = await hangs;
    expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([
      503,
      'ERR_AUTHENTICATION_TIMEOUT',
      '5',
    ]);
    expect(live.channels.stats()).toMatchObject({ connections: 0, openedTotal: 0 });
  });

  test('whose connection breaks meanwhile does not end the process, and takes no seat', async () => {
    const asked = new EventEmitter();
    const live = await serve({
      maxConnections: 1,
      authenticate: () => new Promise((resolve) => void asked.emit('asked', resolve)),
    });
    const socket = dial(Number(new URL(live.url).port), '127.0.0.1');
    socket.write(
      'GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const [letIn] = (await once(asked, 'asked')) as [(identity: object) => void];
    const [theirs] = [...live.sockets];
    socket.resetAndDestroy();
    await new Promise((resolve) => theirs!.once('close', resolve));
    letIn({});
    await new Promise(setImmediate);
    const next = upgrade(`${live.url}/live`);
    const [letNextIn] = (await once(asked, 'asked')) as [(identity: object) => void];
    letNextIn({});
    expect((await next).status).toBe(101);
  });
});

test('whoever has gone before it is decided, without a wait, takes no seat', async () => {
  const asked = new EventEmitter();
  const slow = defineMiddleware({
    name: 'slow',
    phase: 'protect',
    priority: 10,
    step: () => new Promise<void>((resolve) => void asked.emit('asked', resolve)),
  });
  const live = await serve({ maxConnections: 1 }, 'under setup', [slow]);
  const socket = dial(Number(new URL(live.url).port), '127.0.0.1');
  socket.write(
    'GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const [goOn] = (await once(asked, 'asked')) as [() => void];
  const [theirs] = [...live.sockets];
  socket.resetAndDestroy();
  await new Promise((resolve) => theirs!.once('close', resolve));
  goOn();
  await new Promise(setImmediate);
  const next = upgrade(`${live.url}/live`);
  const [goNextOn] = (await once(asked, 'asked')) as [() => void];
  goNextOn();
  expect((await next).status).toBe(101);
});

test.each([
  ['an end that is no time', { expiresAt: Number.NaN }, 500],
  ['an end in words', { expiresAt: '2030-01-01' }, 500],
  ['a principal that is a number', { principal: 7 }, 500],
  ['credentials that have ended', { expiresAt: Date.now() - 1 }, 401],
])('nobody is let in where authentication answers %s', async (_name, identity, status) => {
  const live = await serve({ authenticate: () => identity as never });
  expect((await upgrade(`${live.url}/live`)).status).toBe(status);
  expect(live.channels.stats()['connections']).toBe(0);
});

test.each([
  ['nothing', () => undefined],
  ['false', () => false],
  ['null', async () => null],
  // As query builders are, which run when they are awaited.
  // oxlint-disable-next-line unicorn/no-thenable
  ['a thenable of nothing', () => ({ then: (go: (none: undefined) => void) => go(undefined) })],
])('nobody is let in where authentication answers %s', async (_name, authenticate) => {
  const live = await serve({ authenticate: authenticate as never });
  expect((await upgrade(`${live.url}/live`)).status).toBe(401);
});

describe('connections are limited', () => {
  test('in total: 503, and when to come back', async () => {
    const live = await serve({ maxConnections: 2 });
    const [first] = [await Peer.open(live), await Peer.open(live)];
    expect(live.channels.health()).toMatchObject({ status: 'warn' });
    const answer = await upgrade(`${live.url}/live`);
    expect([answer.status, codeOf(answer), answer.headers['retry-after']]).toEqual([
      503,
      'ERR_CONNECTIONS_FULL',
      '5',
    ]);
    await first.end();
    // The client knows it first.
    while (live.channels.stats()['connections'] === 2) await new Promise(setImmediate);
    await Peer.open(live);
  });

  test('of an address and of a principal: 429, and when to come back (RFC 6585 §4)', async () => {
    const byAddress = await serve({ maxConnectionsPerAddress: 1 });
    await Peer.open(byAddress);
    const refused = await upgrade(`${byAddress.url}/live`);
    expect([refused.status, codeOf(refused), refused.headers['retry-after']]).toEqual([
      429,
      'ERR_CONNECTIONS_LIMITED',
      '5',
    ]);
    const byPrincipal = await serve({
      maxConnectionsPerPrincipal: 1,
      authenticate: ({ req }) => ({ principal: req.get('x-user') }),
    });
    await Peer.open(byPrincipal, { 'x-user': 'ada' });
    const status = async (user: string) =>
      (await upgrade(`${byPrincipal.url}/live`, { 'x-user': user })).status;
    expect(await status('ada')).toBe(429);
    expect(await status('ibn')).toBe(101);
  });

  test('a seat is given back where somebody refuses after it was taken', async () => {
    const late = defineMiddleware({
      name: 'late',
      phase: 'protect',
      priority: 99,
      step({ req, res }) {
        if (req.query['pass'] !== undefined) return undefined;
        res.sendStatus(418);
        return HANDLED;
      },
    });
    const live = await serve({ maxConnections: 1 }, 'under setup', [late]);
    expect((await upgrade(`${live.url}/live`)).status).toBe(418);
    expect((await upgrade(`${live.url}/live`)).status).toBe(418);
    expect((await upgrade(`${live.url}/live?pass`)).status).toBe(101);
  });
});

test('two servers of channels share an HTTP server, and each answers for its own', async () => {
  const app = express();
  const [one, other] = [websocket({ path: '/one' }), websocket({ path: '/two' })];
  app.use(one, other);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  one.listenTo(server);
  one.listenTo(server);
  other.listenTo(server);
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const first = await Peer.open({ url }, {}, '/one');
  const second = await Peer.open({ url }, {}, '/two');
  expect([one.stats()['connections'], other.stats()['connections']]).toEqual([1, 1]);
  expect((await upgrade(`${url}/three`)).status).toBe(404);
  await Promise.all([one.close(), other.close(), first.closed(), second.closed()]);
  server.close();
});

test('upgrades of others are left alone where it is told so', async () => {
  const app = express();
  const channels = websocket({ refuseOthers: false });
  app.use(channels);
  const server = app.listen(0, '127.0.0.1');
  channels.listenTo(server);
  server.on('upgrade', (req, socket) => {
    if (req.url === '/theirs') socket.end('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ntheirs');
  });
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  expect((await upgrade(`${url}/theirs`)).body).toBe('theirs');
  await channels.close();
  server.close();
});

test('without its second half nobody is let in, and somebody is told', async () => {
  const faults: string[] = [];
  const listener = (message: unknown): void => void faults.push(String((message as Fault).error));
  hear(FAULT_CHANNEL, listener);
  const channels = websocket();
  const stack = setup(express(), [channels[0], errors()]);
  const server = await stack.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  await expect(upgrade(`${url}/live`)).rejects.toThrow('socket hang up');
  expect(faults.join()).toContain('Give setup all that websocket() returns');
  unhear(FAULT_CHANNEL, listener);
  await stack.close();
});

test('options that are wrong are named at construction', () => {
  const problem = (options: object): string => {
    try {
      websocket(options);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  expect(problem({ path: 'live' })).toContain('"path" must be a path that begins with a slash');
  expect(problem({ origins: ['app.example.org'] })).toContain('"origins" must be one of');
  expect(problem({ monitoringPath: '/live' })).toContain('are both /live');
  expect(problem({ channels: { 'a/:': {} } })).toContain('channel "a/:" is no pattern');
  expect(problem({ channels: { 'a/:b': { slow: 'never' } } })).toContain('channel "a/:b": option');
  expect(problem({ channels: { a: { key: () => '' } } })).toContain('needs slow: "conflate"');
  expect(problem({ channels: { a: { history: { maxEvents: 0 } } } })).toContain('"maxEvents"');
  expect(problem({ channels: { a: { schema: {} } } })).toContain('a Standard Schema');
});
