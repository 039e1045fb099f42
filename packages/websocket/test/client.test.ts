import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { fakeClock } from '@org/core/testing';
import { bearerOf, type Websocket, websocket, type WebsocketOptions } from '@org/websocket';
import {
  type Client,
  type ClientOptions,
  type ClientState,
  connect,
  LiveError,
} from '@org/websocket/client';
import { build } from 'esbuild';
import { withChromium } from 'test-servers/chromium';
import { WebSocket } from 'ws';

import { Backoff } from '../src/client/backoff.ts';
import { type Live, start } from './live.ts';

const running: Live[] = [];
const clients: Client[] = [];

afterEach(async () => {
  for (const one of clients.splice(0)) one.close();
  for (const live of running.splice(0)) await live.close();
});

async function serve(
  options: Partial<WebsocketOptions> = {},
): Promise<Live & { channels: Websocket }> {
  const channels = websocket({
    channels: { 'news/:topic': { publish: true }, 'rooms/:id': { presence: true } },
    ...options,
  });
  const live = await start(channels);
  running.push(live);
  return { ...live, channels };
}

interface Watched extends Client {
  readonly states: ClientState[];
  /** Resolves when the client enters a state, or is in it. */
  reached(state: ClientState): Promise<void>;
}

function client(live: Pick<Live, 'url'>, options: ClientOptions = {}): Watched {
  const states: ClientState[] = [];
  const waiting = new Set<() => void>();
  const made = connect(`${live.url.replace('http', 'ws')}/live`, {
    WebSocket,
    minDelayMs: 1,
    maxDelayMs: 5,
    onState(state) {
      states.push(state);
      for (const look of waiting) look();
    },
    ...options,
  });
  clients.push(made);
  const reached = (state: ClientState): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (made.state !== state) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return Object.defineProperties({ states, reached } as unknown as Watched, {
    ...Object.getOwnPropertyDescriptors(made),
  });
}

/** Collects what a channel brings, and waits for a number of things. */
function listen(to: Client, channel: string) {
  const heard: unknown[] = [];
  const waiting = new Set<() => void>();
  const add = (what: unknown): void => {
    heard.push(what);
    for (const look of waiting) look();
  };
  const end = to.subscribe(channel, {
    onEvent: (data, { offset }) => add([offset, data]),
    onGap: ({ reason }) => add(`gap: ${reason}`),
    onPresence: (members) => add(`present: ${members.toSorted().join()}`),
    onError: ({ code }) => add(code),
  });
  const count = (wanted: number): Promise<unknown[]> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (heard.length < wanted) return;
        waiting.delete(look);
        resolve(heard);
      };
      waiting.add(look);
      look();
    });
  return { heard, count, end };
}

/** Waits until the server has so many subscriptions. */
async function subscribed({ channels }: { channels: Websocket }, count: number): Promise<void> {
  while (channels.stats()['subscriptions'] !== count) await new Promise(setImmediate);
}

/** Breaks every connection, as a network does. */
function breakAll(sockets: ReadonlySet<{ destroy(): void }>): void {
  for (const socket of sockets) socket.destroy();
}

function socketsOf({ server }: Live): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

test('says when a subscription is there, once, also to those who come later', async () => {
  const live = await serve();
  const sockets = socketsOf(live);
  const ada = client(live);
  const heard: unknown[] = [];
  const first = await new Promise<string>((resolve) => {
    ada.subscribe('news/a', {
      onEvent: (data) => heard.push(data),
      onReady: () => resolve(ada.state),
      onError: ({ code }) => resolve(code),
    });
  });
  expect([first, live.channels.stats()['subscriptions']]).toEqual(['open', 1]);
  let times = 0;
  const later = listen(ada, 'news/a');
  ada.subscribe('news/a', { onEvent: () => undefined, onReady: () => void times++ });
  expect(times).toBe(1);
  breakAll(sockets);
  await ada.reached('waiting');
  live.channels.publish('news/a', 'meanwhile');
  await later.count(1);
  expect([heard, times]).toEqual([['meanwhile'], 1]);
});

test('listens and publishes, also what was said before there was a connection', async () => {
  const live = await serve();
  const ada = client(live);
  const news = listen(ada, 'news/a');
  await ada.publish('news/a', 'early');
  await subscribed(live, 1);
  await ada.publish('news/a', 'hello');
  live.channels.publish('news/a', { deep: [1] });
  expect((await news.count(3)).slice(-2)).toEqual([
    [2, 'hello'],
    [3, { deep: [1] }],
  ]);
  expect(ada.states).toEqual(['open']);
  const second = listen(ada, 'news/a');
  live.channels.publish('news/a', 'both');
  await second.count(1);
  news.end();
  live.channels.publish('news/a', 'one');
  await second.count(2);
  expect([news.heard.at(-1), second.heard]).toEqual([
    [4, 'both'],
    [
      [4, 'both'],
      [5, 'one'],
    ],
  ]);
  second.end();
  await subscribed(live, 0);
});

test('comes back when the connection breaks, and has what it missed', async () => {
  const live = await serve();
  const sockets = socketsOf(live);
  const ada = client(live);
  const news = listen(ada, 'news/a');
  await subscribed(live, 1);
  live.channels.publish('news/a', 1);
  await news.count(1);
  breakAll(sockets);
  await ada.reached('waiting');
  await subscribed(live, 0);
  live.channels.publish('news/a', 2);
  live.channels.publish('news/a', 3);
  expect(await news.count(3)).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  expect(ada.states).toEqual(['open', 'waiting', 'connecting', 'open']);
});

test('says so where what it missed cannot be had', async () => {
  const live = await serve({ channels: { 'news/:topic': { history: false } } });
  const sockets = socketsOf(live);
  const ada = client(live);
  const news = listen(ada, 'news/a');
  await subscribed(live, 1);
  live.channels.publish('news/a', 1);
  await news.count(1);
  breakAll(sockets);
  await subscribed(live, 0);
  live.channels.publish('news/a', 2);
  await subscribed(live, 1);
  await news.count(2);
  live.channels.publish('news/a', 3);
  expect((await news.count(3)).slice(0, 2)).toEqual([[1, 1], 'gap: break']);
});

test('is told who is there, and when it changes', async () => {
  const live = await serve({ authenticate: ({ req }) => ({ principal: bearerOf(req) }) });
  const as = (name: string) => client(live, { token: () => name });
  const [ada, ibn] = [as('ada'), as('ibn')];
  const room = listen(ada, 'rooms/1');
  await subscribed(live, 1);
  const other = listen(ibn, 'rooms/1');
  await other.count(1);
  const until = async (last: string): Promise<void> => {
    while (room.heard.at(-1) !== last) await new Promise(setImmediate);
  };
  await until('present: ada,ibn');
  ibn.close();
  await until('present: ada');
  expect(listen(ada, 'rooms/1').heard).toEqual(['present: ada']);
});

test('comes back when the server says, after it has gone for a restart', async () => {
  const first = await serve({ reconnectWindowMs: 40, random: () => 1 });
  const ada = client(first, { random: () => 0 });
  await ada.reached('open');
  const delays: number[] = [];
  const timers = jest.spyOn(globalThis, 'setTimeout');
  const waits = ada.reached('waiting');
  await first.channels.close();
  await waits;
  for (const [, delay] of timers.mock.calls) delays.push(delay ?? 0);
  timers.mockRestore();
  expect(delays).toContain(40);
});

test('stays away where it was put out, or its credentials have ended, unless it has new ones', async () => {
  const live = await serve({
    authenticate: ({ req }) => ({ principal: bearerOf(req) ?? 'nobody' }),
  });
  const ada = client(live, { token: async () => 'ada' });
  await ada.reached('open');
  const unanswered = ada.publish('news/unheard', 1).catch((error: LiveError) => error.code);
  live.channels.disconnect('ada');
  await ada.reached('closed');
  expect(['ERR_CLOSED', 'ERR_DISCONNECTED', undefined]).toContain(await unanswered);
  await expect(ada.publish('news/a', 1)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
});

test('renews its credentials when they end', async () => {
  const clock = fakeClock();
  let renewed!: (token: string) => void;
  const next = (): Promise<string> => new Promise((resolve) => (renewed = resolve));
  let asked = 0;
  const live = await serve({
    clock,
    authenticate: () => ({ principal: 'ada', expiresAt: clock.now() + 1000 }),
    reauthenticate(token) {
      renewed(token);
      return { principal: 'ada' };
    },
  });
  const ada = client(live, { token: () => `token-${++asked} ☃` });
  await ada.reached('open');
  const byItself = next();
  clock.advance(1000);
  expect(await byItself).toBe('token-2 ☃');
  const told = next();
  await ada.refresh();
  expect(await told).toBe('token-3 ☃');
  expect(live.channels.connections()).toMatchObject([{ expiresAt: undefined }]);
  await expect(client(live).refresh()).rejects.toThrow('needs the option "token"');
});

test('tells what the server refuses', async () => {
  const live = await serve({
    channels: { 'news/:topic': { authorise: (_member, _params, action) => action === 'publish' } },
  });
  const ada = client(live);
  expect(await listen(ada, 'news/a').count(1)).toEqual(['ERR_CHANNEL_FORBIDDEN']);
  const refused = await ada.publish('news/a', 1).catch((error: LiveError) => error);
  expect(refused).toBeInstanceOf(LiveError);
  expect(refused).toMatchObject({ code: 'ERR_CHANNEL_READ_ONLY' });
});

test('keeps few messages while there is no connection, and answers for those that it does not', async () => {
  const nowhere = { url: 'http://127.0.0.1:1' };
  const ada = client(nowhere, { maxQueued: 2, minDelayMs: 1000, maxDelayMs: 1000 });
  const outcomes = [1, 2, 3].map((data) =>
    ada.publish('news/a', data).catch((error: LiveError) => error.code),
  );
  expect(await outcomes[2]).toBe('ERR_QUEUE_FULL');
  ada.close();
  expect(await Promise.all(outcomes)).toEqual(['ERR_CLOSED', 'ERR_CLOSED', 'ERR_QUEUE_FULL']);
});

test('gives up on a server that does not answer', async () => {
  const server = createServer();
  server.on('upgrade', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const ada = client({ url }, { answerTimeoutMs: 20 });
  const outcome = ada.publish('news/a', 1).catch((error: LiveError) => error.code);
  expect(await outcome).toBe('ERR_NO_ANSWER');
  await ada.reached('waiting');
  ada.close();
  server.closeAllConnections();
  server.close();
});

test('subscriptions over the rate come one after the other, and are no abuse', async () => {
  const live = await serve({ maxMessagesPerSecond: 100, messageBurst: 15 });
  const ada = client(live);
  await ada.reached('open');
  const ready = Array.from(
    { length: 25 },
    (_none, at) =>
      new Promise<void>((resolve) => {
        ada.subscribe(`news/${at}`, { onEvent: () => undefined, onReady: resolve });
      }),
  );
  await Promise.all(ready);
  expect(live.channels.stats()).toMatchObject({ openedTotal: 1, subscriptions: 25 });
});

test('a token that never comes is one attempt that failed', async () => {
  const live = await serve({ authenticate: ({ req }) => ({ principal: bearerOf(req) }) });
  let asked = 0;
  const ada = client(live, {
    answerTimeoutMs: 200,
    token: () => (++asked === 1 ? new Promise<string>(() => undefined) : 'ada'),
  });
  await ada.reached('open');
  expect(live.channels.connections().map(({ principal }) => principal)).toEqual(['ada']);
});

test('needs a WebSocket', () => {
  const { WebSocket: own } = globalThis as { WebSocket?: unknown };
  delete (globalThis as { WebSocket?: unknown }).WebSocket;
  expect(() => connect('ws://127.0.0.1:1')).toThrow('give connect() one');
  if (own !== undefined) (globalThis as { WebSocket?: unknown }).WebSocket = own;
});

test('delays double up to a limit, with full jitter, and the server’s word counts once', () => {
  const backoff = new Backoff(100, 1000, () => 0.5);
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([50, 100, 200, 400, 500, 500]);
  backoff.hint(7);
  expect([backoff.next(), backoff.next()]).toEqual([7, 500]);
  backoff.reset();
  expect(backoff.next()).toBe(50);
});

const CLIENT = join(__dirname, '../src/client.ts');

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [CLIENT],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    platform: 'browser',
  });
  return outputFiles[0]!.text;
}

test('is small', async () => {
  // What the README says, with a little room.
  expect(Buffer.byteLength(await bundled())).toBeLessThan(6 * 1024);
});

withChromium('the client in a browser', (launch) => {
  test('listens, publishes and shows who is there', async () => {
    const channels = websocket({
      authenticate: ({ req }) => ({ principal: bearerOf(req) }),
      channels: { echo: { publish: true, presence: true } },
    });
    const live = await start(channels, 'alone');
    running.push(live);
    const script = await bundled();
    live.app.get('/client.js', (_req, res) => void res.type('js').send(script));
    live.app.get('/', (_req, res) => void res.type('html').send('<!doctype html>'));
    const browser = await launch();
    try {
      const page = await browser.newPage();
      await page.goto(live.url);
      const told = await page.evaluate(`import('/client.js').then(({ connect }) =>
        new Promise((resolve) => {
          const client = connect(location.origin.replace('http', 'ws') + '/live', { token: () => 'ada' });
          let members = [];
          client.subscribe('echo', {
            onPresence: (now) => (members = now),
            onEvent: (data) => resolve(data + ' to ' + members),
          });
          client.publish('echo', 'hello ☃');
        }))`);
      expect(told).toBe('hello ☃ to ada');
    } finally {
      await browser.close();
    }
  });
});
