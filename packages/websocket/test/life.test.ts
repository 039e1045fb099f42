import { fakeClock } from '@org/core/testing';
import { setup } from '@org/setup';
import { shutdown } from '@org/shutdown';
import {
  type Identity,
  type ServerMessage,
  type Websocket,
  websocket,
  type WebsocketEvent,
  type WebsocketOptions,
} from '@org/websocket';
import express from 'express';

import { codeOf, type Live, Peer, start, upgrade, type Way, WAYS } from './live.ts';

const running: Live[] = [];

afterEach(async () => {
  for (const live of running.splice(0)) await live.close();
});

const HEARTBEAT_MS = 5000;

async function serve(options: Partial<WebsocketOptions> = {}, way?: Way) {
  const clock = fakeClock();
  const events: WebsocketEvent[] = [];
  const channels = websocket({
    clock,
    heartbeatMs: HEARTBEAT_MS,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const live = await start(channels, way);
  running.push(live);
  return { ...live, channels, clock, events };
}

describe('the heartbeat', () => {
  test('pings everybody once a turn, by one timer, and ends those who are silent', async () => {
    const { channels, clock, events, ...live } = await serve();
    const peers = await Promise.all(Array.from({ length: 12 }, () => Peer.open(live)));
    const deaf = await Peer.open(live);
    // It reads nothing, and so answers nothing.
    deaf.ws.pause();
    expect(clock.pending).toBe(1);
    const pinged = (peer: Peer): Promise<unknown> =>
      new Promise((resolve) => peer.ws.once('ping', resolve));
    const all = peers.map(pinged);
    clock.advance(HEARTBEAT_MS);
    await Promise.all(all);
    // Their answers have come once they are answered something else.
    for (const peer of peers) await peer.settle();
    const again = peers.map(pinged);
    clock.advance(HEARTBEAT_MS);
    await Promise.all(again);
    while (channels.stats()['connections'] !== peers.length) await new Promise(setImmediate);
    expect(channels.stats()).toMatchObject({ deadTotal: 1, closedTotal: 1 });
    expect(events.map(({ type }) => type).filter((type) => type === 'dead')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ type: 'closed', code: 1006, durationMs: 10_000 });
    deaf.ws.terminate();
  });
});

describe('credentials', () => {
  const clock = fakeClock();
  const withExpiry = (more: Partial<WebsocketOptions> = {}) =>
    serve({
      clock,
      // Whoever is silent meanwhile is not what this is about.
      heartbeatMs: 3_600_000,
      expiryGraceMs: 3000,
      authenticate: () => ({ principal: 'ada', expiresAt: clock.now() + 10_000 }),
      ...more,
    });

  test('end, are said to, and after a grace the connection is closed (4001)', async () => {
    const { channels, ...live } = await withExpiry();
    const ada = await Peer.open(live);
    clock.advance(9000);
    await ada.settle();
    expect(ada.messages).toEqual([]);
    clock.advance(1000);
    expect(await ada.next('expiring')).toEqual({ type: 'expiring', inMs: 3000 });
    clock.advance(2000);
    await ada.settle();
    expect(ada.messages).toEqual([]);
    clock.advance(1000);
    expect(await ada.closed()).toEqual({ code: 4001, reason: 'the credentials have expired' });
    expect(channels.stats()).toMatchObject({ expiredTotal: 1 });
  });

  test('that have ended are counted once, though the client is slow to go', async () => {
    const { channels, ...live } = await withExpiry({ closeTimeoutMs: 60_000 });
    const deaf = await Peer.open(live);
    deaf.ws.pause();
    clock.advance(20_000);
    expect(channels.stats()).toMatchObject({ expiredTotal: 1, connections: 1 });
    deaf.ws.terminate();
  });

  test('can be renewed by a message, of the same principal only, and what they no longer allow ends', async () => {
    const identities: Record<string, Identity | undefined> = {
      good: { principal: 'ada', expiresAt: clock.now() + 60_000, data: 'new' },
      stranger: { principal: 'ibn' },
      endless: { principal: 'ada' },
    };
    const { channels, ...live } = await withExpiry({
      reauthenticate: async (token, { principal }) => {
        expect(principal).toBe('ada');
        return identities[token];
      },
      channels: {
        'for/:what': { authorise: ({ data }, { what }) => data !== 'new' || what === 'all' },
      },
    });
    const ada = await Peer.open(live);
    await ada.subscribe('for/some');
    await ada.subscribe('for/all');
    expect(await ada.outcome({ type: 'auth', token: 'bad' })).toBe('ERR_UNAUTHENTICATED');
    expect(await ada.outcome({ type: 'auth', token: 'stranger' })).toBe('ERR_OTHER_PRINCIPAL');
    clock.advance(10_000);
    await ada.next('expiring');
    expect(await ada.ask({ type: 'auth', token: 'good' })).toMatchObject({
      type: 'ack',
      expiresAt: identities['good']!.expiresAt,
    });
    expect(await ada.next('unsubscribed')).toMatchObject({
      channel: 'for/some',
      code: 'ERR_CHANNEL_FORBIDDEN',
    });
    expect(channels.stats()['subscriptions']).toBe(1);
    clock.advance(50_000);
    expect(await ada.next('expiring')).toBeDefined();
    await ada.ask({ type: 'auth', token: 'endless' });
    clock.advance(100_000);
    await ada.settle();
    expect(channels.connections()).toMatchObject([{ principal: 'ada', expiresAt: undefined }]);
  });
});

test('a principal can be put out, for good (4003)', async () => {
  const live = await serve({ authenticate: ({ req }) => ({ principal: req.get('x-user') }) });
  const user = (name: string) => Peer.open(live, { 'x-user': name });
  const [ada, other, ibn] = [await user('ada'), await user('ada'), await user('ibn')];
  expect(live.channels.disconnect('ada')).toBe(2);
  expect((await ada.closed()).code).toBe(4003);
  expect((await other.closed()).code).toBe(4003);
  expect(await ibn.outcome({ type: 'ping' })).toBe('ack');
});

describe('presence', () => {
  const present = (options: Partial<WebsocketOptions> = {}) =>
    serve({
      authenticate: ({ req }) => ({ principal: req.get('x-user') }),
      channels: { 'rooms/:id': { presence: true }, plain: {} },
      ...options,
    });

  test('tells who is there, by principal, and who comes and leaves', async () => {
    const live = await present();
    const user = (name: string) => Peer.open(live, { 'x-user': name });
    const [ada, ibn, second] = [await user('ada'), await user('ibn'), await user('ibn')];
    expect((await ada.subscribe('rooms/1')).members).toEqual(['ada']);
    expect(await ada.next('presence')).toEqual({
      type: 'presence',
      channel: 'rooms/1',
      join: ['ada'],
    });
    expect((await ibn.subscribe('rooms/1')).members).toEqual(['ada', 'ibn']);
    expect((await ada.next('presence')).join).toEqual(['ibn']);
    await second.subscribe('rooms/1');
    await second.end();
    await ada.settle();
    expect(ada.messages).toEqual([]);
    expect(live.channels.members('rooms/1')).toEqual(['ada', 'ibn']);
    await ibn.end();
    expect(await ada.next('presence')).toEqual({
      type: 'presence',
      channel: 'rooms/1',
      leave: ['ibn'],
    });
    expect((await ada.subscribe('plain')).members).toBeUndefined();
    expect(live.channels.members('rooms/none')).toEqual([]);
  });

  test('of nobody in particular is by connection, and never passes for a principal', async () => {
    const live = await present({
      authenticate(exchange) {
        // As where a client's own X-Request-Id is taken over.
        exchange.id = 'ada';
        return {};
      },
    });
    const someone = await Peer.open(live);
    expect((await someone.subscribe('rooms/1')).members).toEqual(['connection:ada']);
  });

  test('is bounded: who comes when it is full is not shown', async () => {
    const live = await present({ maxMembers: 1 });
    const [ada, ibn] = [await Peer.open(live, { 'x-user': 'ada' }), await Peer.open(live)];
    await ada.subscribe('rooms/1');
    expect((await ibn.subscribe('rooms/1')).members).toEqual(['ada']);
    await ibn.end();
    expect(live.channels.members('rooms/1')).toEqual(['ada']);
  });

  test('of one who reads slowly is told whole, later', async () => {
    const live = await present({ maxBufferedBytes: 10 * 1024 * 1024 });
    const slow = await Peer.open(live, { 'x-user': 'ada' });
    await slow.subscribe('rooms/1');
    slow.ws.pause();
    const padding = 'x'.repeat(60_000);
    while ((live.channels.stats()['bufferedBytes'] as number) < 200_000) {
      live.channels.publish('rooms/1', padding);
      await new Promise(setImmediate);
    }
    const ibn = await Peer.open(live, { 'x-user': 'ibn' });
    await ibn.subscribe('rooms/1');
    await ibn.settle();
    slow.ws.resume();
    const presences: ServerMessage[] = [await slow.next('presence'), await slow.next('presence')];
    expect(presences).toMatchObject([{ join: ['ada'] }, { members: ['ada', 'ibn'] }]);
  });
});

describe('the end', () => {
  const goodbye = async (peer: Peer) => {
    const { reconnectInMs } = await peer.next('goodbye');
    return { reconnectInMs, ...(await peer.closed()) };
  };

  test.each(WAYS)('tells everybody when to come back, spread over a window, %s', async (way) => {
    const numbers = [0.25, 0.75];
    const { channels, ...live } = await serve(
      { reconnectWindowMs: 8000, random: () => numbers.shift()! },
      way,
    );
    const peers = [await Peer.open(live), await Peer.open(live)];
    await Promise.all([channels.close(), channels.close()]);
    expect(await Promise.all(peers.map(goodbye))).toEqual([
      { reconnectInMs: 2000, code: 1012, reason: 'the server restarts' },
      { reconnectInMs: 6000, code: 1012, reason: 'the server restarts' },
    ]);
    expect(channels.stats()).toMatchObject({ connections: 0, subscriptions: 0 });
  });

  test('waits for goodbyes only so long, lets nobody in meanwhile, and leaves no timer', async () => {
    const { channels, clock, ...live } = await serve({ closeTimeoutMs: 2000 });
    const deaf = await Peer.open(live);
    deaf.ws.pause();
    const closing = channels.close();
    const late = await upgrade(`${live.url}/live`);
    expect([late.status, codeOf(late), late.headers['retry-after']]).toEqual([
      503,
      'ERR_WEBSOCKET_CLOSING',
      '5',
    ]);
    expect(channels.stats()['connections']).toBe(1);
    clock.advance(2000);
    await closing;
    expect(channels.stats()['connections']).toBe(0);
    expect(clock.pending).toBe(0);
    deaf.ws.terminate();
  });

  test('comes at once where whoever closes gives up', async () => {
    const { channels, ...live } = await serve();
    const deaf = await Peer.open(live);
    deaf.ws.pause();
    await channels.close(AbortSignal.abort());
    expect(channels.stats()['connections']).toBe(0);
    deaf.ws.terminate();
  });

  test('of a stack that waits for its connections does not wait for these', async () => {
    const clock = fakeClock();
    const channels = websocket({ clock });
    const stack = setup(express(), [channels]);
    const server = await stack.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const peer = await Peer.open({ url });
    const closing = stack.close();
    await new Promise(setImmediate);
    clock.advance(1000);
    expect((await goodbye(peer)).code).toBe(1012);
    expect((await closing).closed).toContain('websocket');
  });

  test.each([
    ['by default', undefined],
    ['that closes no WebSocket', false],
  ])('under a shutdown %s is the one that gives a hint', async (_name, closeWebSockets) => {
    const channels: Websocket = websocket();
    const gate = shutdown({
      closeWebSockets,
      readinessDelayMs: 0,
      idleGraceMs: 50,
      exit: false,
      signals: [],
    });
    const stack = setup(express(), [gate, channels]);
    const server = await stack.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const peer = await Peer.open({ url });
    const report = await gate.shutdown();
    expect((await peer.closed()).code).toBe(1012);
    expect(report).toMatchObject({ exitCode: 0, hung: [], failed: [] });
    expect(report.closed).toContain('websocket');
    expect(peer.messages.map(({ type }) => type)).toEqual(['goodbye']);
  });
});

describe('the operators’ route', () => {
  test('tells of channels and connections, to those who may see it', async () => {
    const { channels, ...live } = await serve({ channels: { 'news/:topic': { presence: true } } });
    const [ada, ibn] = [await Peer.open(live), await Peer.open(live)];
    await ada.subscribe('news/a');
    await ada.subscribe('news/b');
    await ibn.subscribe('news/b');
    channels.publish('news/b', 1);
    await ibn.next('event');
    const answer = await fetch(`${live.url}/api/middleware/websockets`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toMatchObject({
      connections: 2,
      subscriptions: 3,
      receivedTotal: 3,
      sentTotal: 2,
      droppedTotal: 0,
      bufferedBytes: 0,
      channels: [
        {
          name: 'news/b',
          pattern: 'news/:topic',
          subscribers: 2,
          members: 2,
          offset: 1,
          sentTotal: 2,
        },
        { name: 'news/a', subscribers: 1, historySize: 0 },
      ],
      slowest: [],
    });
    const head = await fetch(`${live.url}/api/middleware/websockets`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const stranger = { headers: { 'x-forwarded-for': '203.0.113.7' } };
    const refused = await fetch(`${live.url}/api/middleware/websockets`, stranger);
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
      403,
      'ERR_MONITORING_CLOSED',
    ]);
    const posted = await fetch(`${live.url}/api/middleware/websockets`, { method: 'POST' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('is open to the token, stands elsewhere, or nowhere', async () => {
    const open = await serve({ access: 'a-token-of-16-characters', monitoringPath: '/ws' });
    const headers = {
      'x-forwarded-for': '203.0.113.7',
      authorization: 'Bearer a-token-of-16-characters',
    };
    expect((await fetch(`${open.url}/ws`, { headers })).status).toBe(200);
    const none = await serve({ monitoringPath: false });
    expect((await fetch(`${none.url}/api/middleware/websockets`)).status).toBe(404);
  });
});
