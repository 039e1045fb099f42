import { type Bus, type BusMessage, type Fault, FAULT_CHANNEL, memoryStore } from '@org/core';
import { type FakeClock, fakeClock } from '@org/core/testing';
import { subscribe as hear, unsubscribe as unhear } from 'node:diagnostics_channel';
import {
  type ServerMessage,
  type Websocket,
  websocket,
  type WebsocketOptions,
} from '@org/websocket';

import { type Live, Peer, start } from './live.ts';

const running: Live[] = [];

afterEach(async () => {
  for (const live of running.splice(0)) await live.close();
});

const ANNOUNCE_MS = 5000;

/** A bus of one process that loses what it is told to. */
class LossyBus implements Bus {
  private readonly store = memoryStore();
  /** Whether the next messages are lost. */
  loses: boolean = false;
  /** Whether publishing fails. */
  fails: boolean = false;
  readonly sent: string[] = [];

  publish(channel: string, data: Uint8Array): void | Promise<void> {
    this.sent.push(Buffer.from(data).toString());
    if (this.fails) return Promise.reject(new Error('the bus is down'));
    if (!this.loses) void this.store.publish(channel, data);
    return undefined;
  }

  again(text: string): void {
    void this.store.publish('websocket', Buffer.from(text));
  }

  subscribe(channel: string, listener: (message: BusMessage) => void) {
    return this.store.subscribe(channel, listener);
  }
}

interface Instance extends Live {
  readonly channels: Websocket;
}

async function instance(
  bus: Bus,
  clock: FakeClock,
  options: Partial<WebsocketOptions> = {},
): Promise<Instance> {
  const channels = websocket({
    bus,
    clock,
    announceMs: ANNOUNCE_MS,
    heartbeatMs: 3_600_000,
    authenticate: ({ req }) => ({ principal: req.get('x-user') }),
    channels: {
      'news/:topic': { publish: true },
      'rooms/:id': { presence: true },
      prices: { slow: 'conflate', key: (data) => (data as { of: string }).of },
    },
    ...options,
  });
  const live = await start(channels);
  running.push(live);
  return { ...live, channels };
}

const datasOf = (messages: readonly ServerMessage[]): unknown[] =>
  messages.flatMap((message) => (message.type === 'event' ? [message.data] : []));

async function two(options?: Partial<WebsocketOptions>) {
  const clock = fakeClock();
  const bus = new LossyBus();
  const one = await instance(bus, clock, options);
  const other = await instance(bus, clock, options);
  return { clock, bus, one, other };
}

test('an event reaches those who listen in another process, as it was, and once', async () => {
  const { one, other, bus } = await two();
  const [ada, ibn] = [await Peer.open(one), await Peer.open(other)];
  await ada.subscribe('news/a');
  await ibn.subscribe('news/a');
  await ibn.subscribe('prices');
  const data = { text: 'line\nbreak "quoted" ☃', list: [1, null, { deep: true }] };
  one.channels.publish('news/a', data);
  await ibn.ask({ type: 'publish', channel: 'news/a', data: 2 });
  one.channels.publish('prices', { of: 'a', is: 3 });
  bus.again(bus.sent.at(-1)!);
  const faults: unknown[] = [];
  const listener = (message: unknown): void => void faults.push((message as Fault).where);
  hear(FAULT_CHANNEL, listener);
  bus.again('nonsense');
  unhear(FAULT_CHANNEL, listener);
  expect(faults).toEqual(['websocket bus', 'websocket bus']);
  await Promise.all([ada.settle(), ibn.settle()]);
  expect(datasOf(ada.messages)).toEqual([data, 2]);
  expect(datasOf(ibn.messages)).toEqual([data, 2, { of: 'a', is: 3 }]);
  expect(other.channels.stats()['bus']).toMatchObject({ peers: 1, gapsTotal: 0 });
});

test('what another process has sent can be recovered here', async () => {
  const { one, other } = await two();
  const first = await Peer.open(other);
  const { epoch, offset } = await first.subscribe('news/a');
  await first.end();
  one.channels.publish('news/a', 'missed');
  const again = await Peer.open(other);
  const since = { epoch: epoch!, offset: offset! };
  expect((await again.subscribe('news/a', since)).recovered).toBe(true);
  expect((await again.next('event')).data).toBe('missed');
  const elsewhere = await Peer.open(one);
  expect((await elsewhere.subscribe('news/a', since)).recovered).toBe(false);
});

test('a gap is noticed with the next message, everybody is told, and nobody recovers across it', async () => {
  const { one, other, bus } = await two();
  const ada = await Peer.open(other);
  const { epoch } = await ada.subscribe('news/a');
  one.channels.publish('news/a', 1);
  bus.loses = true;
  one.channels.publish('news/b', 'lost');
  bus.loses = false;
  one.channels.publish('news/a', 2);
  const gap = await ada.next('gap');
  expect(gap).toMatchObject({ channel: 'news/a', reason: 'bus' });
  expect(gap.epoch).not.toBe(epoch);
  await ada.settle();
  expect(datasOf(ada.messages)).toEqual([1, 2]);
  const back = await Peer.open(other);
  const since = { epoch: epoch!, offset: 1 };
  expect((await back.subscribe('news/a', since)).recovered).toBe(false);
  const later = await Peer.open(other);
  expect((await later.subscribe('news/a', { epoch: gap.epoch, offset: 1 })).recovered).toBe(true);
  expect(other.channels.stats()['bus']).toMatchObject({ gapsTotal: 1 });
});

test('a last message that was lost is noticed, too: processes say how far they are', async () => {
  const { one, other, bus, clock } = await two();
  const ada = await Peer.open(other);
  await ada.subscribe('news/a');
  bus.loses = true;
  one.channels.publish('news/a', 'lost');
  bus.loses = false;
  await ada.settle();
  expect(ada.messages).toEqual([]);
  clock.advance(ANNOUNCE_MS);
  expect(await ada.next('gap')).toMatchObject({ reason: 'bus' });
});

test('a process that begins later has missed nothing that it could have had', async () => {
  const { one, bus, clock } = await two();
  one.channels.publish('news/a', 'early');
  const late = await instance(bus, clock);
  one.channels.publish('news/a', 'later');
  clock.advance(ANNOUNCE_MS);
  expect(late.channels.stats()['bus']).toMatchObject({ peers: 2, gapsTotal: 0 });
  clock.advance(ANNOUNCE_MS * 4);
  const later = await instance(bus, clock);
  later.channels.publish('news/a', 'hello');
  clock.advance(ANNOUNCE_MS);
  for (const { channels } of [one, late, later]) {
    expect(channels.stats()['bus']).toMatchObject({ peers: 3, gapsTotal: 0 });
  }
});

test('presence is that of all processes, and of those that fall silent nobody stays', async () => {
  const { one, other, bus, clock } = await two();
  const [ada, ibn] = [
    await Peer.open(one, { 'x-user': 'ada' }),
    await Peer.open(other, { 'x-user': 'ibn' }),
  ];
  await ada.subscribe('rooms/1');
  expect((await ada.next('presence')).join).toEqual(['ada']);
  await new Promise(setImmediate);
  expect((await ibn.subscribe('rooms/1')).members).toEqual(['ada', 'ibn']);
  expect((await ada.next('presence')).join).toEqual(['ibn']);
  const late = await instance(bus, clock);
  const eve = await Peer.open(late, { 'x-user': 'ibn' });
  expect((await eve.subscribe('rooms/1')).members?.toSorted()).toEqual(['ada', 'ibn']);
  // Of two processes that have ibn, one is left.
  await ibn.end();
  await ada.settle();
  expect(ada.messages).toEqual([]);
  bus.loses = true;
  await eve.end();
  expect(one.channels.members('rooms/1')).toEqual(['ada', 'ibn']);
  clock.advance(ANNOUNCE_MS * 4);
  expect(await ada.next('presence')).toMatchObject({ leave: ['ibn'] });
  expect(one.channels.stats()['bus']).toMatchObject({ peers: 0 });
});

test('a principal is put out everywhere', async () => {
  const { one, other } = await two();
  const ada = await Peer.open(other, { 'x-user': 'ada' });
  expect(one.channels.disconnect('ada')).toBe(0);
  expect((await ada.closed()).code).toBe(4003);
});

test('a bus that fails keeps nobody here from their events, is told of once, and makes a gap', async () => {
  const { one, other, bus } = await two();
  const faults: unknown[] = [];
  const listener = (message: unknown): void => void faults.push((message as Fault).where);
  hear(FAULT_CHANNEL, listener);
  const [ada, ibn] = [await Peer.open(one), await Peer.open(other)];
  await ada.subscribe('news/a');
  await ibn.subscribe('news/a');
  bus.fails = true;
  one.channels.publish('news/a', 1);
  one.channels.publish('news/a', 2);
  await ada.settle();
  expect(datasOf(ada.messages)).toEqual([1, 2]);
  expect(one.channels.health()).toMatchObject({ status: 'warn' });
  expect(one.channels.stats()['bus']).toMatchObject({ failuresTotal: 2 });
  bus.fails = false;
  one.channels.publish('news/a', 3);
  expect((await ibn.next('gap')).reason).toBe('bus');
  expect((await ibn.next('event')).data).toBe(3);
  expect(one.channels.health().status).toBe('pass');
  expect(faults).toEqual(['websocket bus']);
  unhear(FAULT_CHANNEL, listener);
});

test('messages of somebody else on the bus are told of, and change nothing', async () => {
  const { one, bus } = await two();
  const faults: unknown[] = [];
  const listener = (message: unknown): void => void faults.push((message as Fault).where);
  hear(FAULT_CHANNEL, listener);
  for (const text of ['null\n', '7\n', '{}\n', 'hello', '{"origin":"x","sequence":"y"}\n']) {
    bus.again(text);
  }
  unhear(FAULT_CHANNEL, listener);
  expect(new Set(faults)).toEqual(new Set(['websocket bus']));
  expect(one.channels.stats()['bus']).toMatchObject({ peers: 1, gapsTotal: 0 });
});

test('one that was not there at the start is tried again, and what was missed is a gap', async () => {
  let isThere = false;
  const clock = fakeClock();
  const store = memoryStore();
  const bus: Bus = {
    publish: (name, data) => store.publish(name, data),
    subscribe: (name, listener) =>
      isThere ? store.subscribe(name, listener) : Promise.reject(new Error('not there')),
  };
  const channels = websocket({ bus, clock, announceMs: ANNOUNCE_MS, channels: { news: {} } });
  const live = await start(channels, 'alone');
  running.push(live);
  const ada = await Peer.open(live);
  await ada.subscribe('news');
  expect(channels.health()).toMatchObject({
    status: 'warn',
    detail: expect.stringContaining('cannot be heard'),
  });
  isThere = true;
  clock.advance(ANNOUNCE_MS + 1000);
  expect((await ada.next('gap')).reason).toBe('bus');
  expect(channels.health().status).toBe('pass');
  expect(store.stats!()['channels']).toBe(1);
});

test('one that cannot be heard stops the start, and may be tried again', async () => {
  let isThere = false;
  const store = memoryStore();
  const bus: Bus = {
    publish: (name, data) => store.publish(name, data),
    subscribe: (name, listener) =>
      isThere ? store.subscribe(name, listener) : Promise.reject(new Error('not there')),
  };
  const channels = websocket({ bus });
  await expect(channels.start()).rejects.toThrow('not there');
  isThere = true;
  await channels.start();
  expect(store.stats!()['channels']).toBe(1);
  await channels.close();
  expect(store.stats!()['channels']).toBe(0);
});
