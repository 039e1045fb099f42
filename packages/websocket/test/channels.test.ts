import type { Writable } from 'node:stream';
import * as fc from 'fast-check';
import { correlation } from '@org/correlation';
import { fakeClock } from '@org/core/testing';
import {
  channel,
  type Member,
  type ServerMessage,
  type Websocket,
  websocket,
  type WebsocketOptions,
} from '@org/websocket';
import { ProblemError } from '@org/core';
import * as library from 'ws';
import { z } from 'zod';

import { textFrame } from '../src/frame.ts';
import { MessageRate } from '../src/message-rate.ts';
import { type Live, Peer, start } from './live.ts';

/** Parts of ws that its types leave out. */
const { Receiver, Sender } = library as unknown as {
  readonly Sender: { frame(data: Buffer, options: object): Buffer[] };
  readonly Receiver: new (options: object) => Writable;
};

const running: Live[] = [];

afterEach(async () => {
  for (const live of running.splice(0)) await live.close();
});

async function serve(
  options: Partial<WebsocketOptions>,
  others: Parameters<typeof start>[2] = [],
): Promise<Live & { channels: Websocket }> {
  const channels = websocket(options);
  const live = await start(channels, 'under setup', others);
  running.push(live);
  return { ...live, channels };
}

const dataOf = (messages: readonly ServerMessage[]): unknown[] =>
  messages.flatMap((message) => (message.type === 'event' ? [message.data] : []));

test('an event reaches those who listen, and nobody else', async () => {
  const live = await serve({ channels: { 'news/:topic': {}, 'all/*path': {} } });
  const [ada, ibn] = [await Peer.open(live), await Peer.open(live)];
  expect(await ada.subscribe('news/art')).toMatchObject({ offset: 0, epoch: expect.any(String) });
  await ibn.subscribe('news/sport');
  await ibn.subscribe('all/of/it');
  live.channels.publish('news/art', { title: 'Frieze' });
  live.channels.publish('all/of/it', 7);
  expect(await ada.next('event')).toEqual({
    type: 'event',
    channel: 'news/art',
    offset: 1,
    data: { title: 'Frieze' },
  });
  expect(await ibn.next('event')).toMatchObject({ channel: 'all/of/it', offset: 1, data: 7 });
  await ada.ask({ type: 'unsubscribe', channel: 'news/art' });
  live.channels.publish('news/art', 'more');
  live.channels.publish('news/art', undefined);
  await ada.settle();
  expect(ada.messages).toEqual([]);
  expect(await ada.subscribe('news/art')).toMatchObject({ offset: 3 });
  expect(live.channels.stats()).toMatchObject({ subscriptions: 3, sentTotal: 2 });
});

test('what was published before a subscription, in the same turn, is not part of it', async () => {
  const live = await serve({
    channels: {
      news: {
        authorise: () => {
          live.channels.publish('news', 'before');
          return true;
        },
      },
    },
  });
  const first = await Peer.open(live);
  await first.subscribe('news');
  const second = await Peer.open(live);
  expect(await second.subscribe('news')).toMatchObject({ offset: 2 });
  live.channels.publish('news', 'after');
  await Promise.all([first.settle(), second.settle()]);
  expect([dataOf(first.messages), dataOf(second.messages)]).toEqual([
    ['before', 'after'],
    ['after'],
  ]);
});

test('each subscription and publication is authorised, by what the pattern names', async () => {
  const asked: unknown[] = [];
  const live = await serve({
    authenticate: ({ req }) => ({ principal: req.get('x-user'), data: { age: 36 } }),
    channels: {
      'users/:id': {
        publish: true,
        authorise: async ({ principal, data }, params, action) => {
          asked.push([principal, data, params, action]);
          return principal === params['id'];
        },
      },
      open: { publish: true },
      closed: {},
      broken: {
        authorise: () => {
          throw new Error('no directory');
        },
      },
      refusing: {
        authorise: () => {
          throw new ProblemError({ code: 'ERR_PAY', status: 402, detail: 'Pay first.' });
        },
      },
      truthy: { authorise: () => 1 as never },
    },
  });
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const ada = await Peer.open(live, { 'x-user': 'ada' });
  expect(await ada.outcome({ type: 'subscribe', channel: 'users/ada' })).toBe('ack');
  expect(await ada.outcome({ type: 'publish', channel: 'users/ada', data: 1 })).toBe('ack');
  expect(await ada.next('event')).toMatchObject({ channel: 'users/ada', data: 1 });
  for (const type of ['subscribe', 'publish'] as const) {
    expect(await ada.outcome({ type, channel: 'users/ibn' })).toBe('ERR_CHANNEL_FORBIDDEN');
    expect(await ada.outcome({ type, channel: 'nothing' })).toBe('ERR_CHANNEL_UNKNOWN');
    expect(await ada.outcome({ type, channel: 'USERS/ada' })).toBe('ERR_CHANNEL_UNKNOWN');
  }
  expect(asked[0]).toEqual(['ada', { age: 36 }, { id: 'ada' }, 'subscribe']);
  expect(asked[1]).toEqual(['ada', { age: 36 }, { id: 'ada' }, 'publish']);
  expect(await ada.outcome({ type: 'publish', channel: 'closed' })).toBe('ERR_CHANNEL_READ_ONLY');
  expect(await ada.outcome({ type: 'subscribe', channel: 'truthy' })).toBe('ERR_CHANNEL_FORBIDDEN');
  expect(warned).not.toHaveBeenCalled();
  expect(await ada.outcome({ type: 'subscribe', channel: 'broken' })).toBe('ERR_INTERNAL');
  expect(warned).toHaveBeenCalledTimes(1);
  expect(await ada.ask({ type: 'subscribe', channel: 'refusing' })).toMatchObject({
    code: 'ERR_PAY',
    detail: 'Pay first.',
  });
  expect(() => live.channels.publish('nothing', 1)).toThrow('There is no channel "nothing".');
  warned.mockRestore();
});

test('what clients publish is checked by a schema, and may be made into something else', async () => {
  const heard: unknown[] = [];
  const live = await serve({
    channels: {
      'chat/:room': channel<{ text: string; at: number }>({
        publish: true,
        schema: z.object({ text: z.string().min(1), at: z.coerce.number() }),
        onPublish: async ({ channel: name, params, data }, member: Member) => {
          heard.push([name, params['room'], data.text, data.at, typeof member.id]);
          if (data.text === 'secret') return false;
          return data.text === 'plain' ? undefined : { ...data, text: data.text.toUpperCase() };
        },
      }),
    },
  });
  const ada = await Peer.open(live);
  await ada.subscribe('chat/1');
  const say = (data: unknown) => ada.ask({ type: 'publish', channel: 'chat/1', data });
  expect(await say({ text: '', at: 'now' })).toMatchObject({
    type: 'error',
    code: 'ERR_DATA_INVALID',
    issues: [{ pointer: '/text' }, { pointer: '/at' }],
  });
  expect(await say(undefined)).toMatchObject({
    code: 'ERR_DATA_INVALID',
    issues: [{ pointer: '' }],
  });
  for (const text of ['hello', 'secret', 'plain']) await say({ text, at: '5', extra: 1 });
  await ada.settle();
  expect(dataOf(ada.messages)).toEqual([
    { text: 'HELLO', at: 5 },
    { text: 'plain', at: 5 },
  ]);
  expect(heard[0]).toEqual(['chat/1', '1', 'hello', 5, 'string']);
});

test('messages of a connection are worked on in order, however long one takes', async () => {
  const turns: (() => void)[] = [];
  const live = await serve({
    maxMessagesPerSecond: 1000,
    messageBurst: 1000,
    channels: {
      slow: { authorise: () => new Promise((resolve) => turns.push(() => resolve(true))) },
      quick: {},
    },
  });
  const ada = await Peer.open(live);
  const answers = [
    ada.ask({ type: 'subscribe', channel: 'slow' }),
    ada.ask({ type: 'unsubscribe', channel: 'slow' }),
    ...Array.from({ length: 100 }, () => ada.ask({ type: 'subscribe', channel: 'quick' })),
  ];
  while (turns.length === 0) await new Promise(setImmediate);
  expect(live.channels.stats()['subscriptions']).toBe(0);
  turns[0]!();
  const all = await Promise.all(answers);
  expect(all.map(({ type }) => type)).toEqual(Array(102).fill('ack'));
  expect(live.channels.stats()['subscriptions']).toBe(1);
  // It is read again.
  expect(await ada.outcome({ type: 'ping' })).toBe('ack');
});

test('messages that are none are answered, and end nothing', async () => {
  const live = await serve({ channels: { news: { publish: true } } });
  const ada = await Peer.open(live);
  for (const [text, id] of [
    ['nonsense', undefined],
    ['null', undefined],
    ['{"id":1}', 1],
    ['{"id":2,"type":"jump"}', 2],
    ['{"id":-1,"type":"ping"}', -1],
    ['{"id":3,"type":"subscribe"}', 3],
    ['{"id":4,"type":"subscribe","channel":"a b"}', 4],
    [`{"id":5,"type":"subscribe","channel":"${'x'.repeat(257)}"}`, 5],
    ['{"id":6,"type":"subscribe","channel":"news","since":{"epoch":1,"offset":1}}', 6],
    ['{"id":7,"type":"auth"}', 7],
    ['{"id":8,"type":"subscribe","channel":"\\ud800"}', 8],
  ] as const) {
    ada.ws.send(text);
    const answer = await ada.next('error');
    expect([text, answer.code, answer.id]).toEqual([text, 'ERR_MESSAGE_INVALID', id]);
  }
  expect(await ada.outcome({ type: 'auth', token: 'x' })).toBe('ERR_AUTH_UNSUPPORTED');
  expect(live.channels.stats()).toMatchObject({ receivedTotal: 12, rejectedTotal: 12 });
  ada.ws.send(Buffer.from([1, 2, 3]));
  expect(await ada.closed()).toEqual({ code: 1003, reason: 'messages are text' });
});

test('a connection is limited: subscriptions, the size of a message, and the channels there are', async () => {
  const live = await serve({
    maxSubscriptions: 2,
    maxMessageBytes: 256,
    maxChannels: 3,
    channels: { 'news/:topic': {} },
  });
  const [ada, ibn] = [await Peer.open(live), await Peer.open(live)];
  const outcome = (peer: Peer, topic: string) =>
    peer.outcome({ type: 'subscribe', channel: `news/${topic}` });
  expect(await outcome(ada, 'a')).toBe('ack');
  expect(await outcome(ada, 'b')).toBe('ack');
  expect(await outcome(ada, 'b')).toBe('ack');
  expect(await outcome(ada, 'c')).toBe('ERR_SUBSCRIPTIONS_FULL');
  expect(await outcome(ibn, 'c')).toBe('ack');
  expect(await outcome(ibn, 'd')).toBe('ERR_CHANNELS_FULL');
  await ada.ask({ type: 'unsubscribe', channel: 'news/b' });
  expect(await outcome(ibn, 'd')).toBe('ack');
  ada.ws.send(JSON.stringify({ id: 1, type: 'ping', padding: 'x'.repeat(300) }));
  expect((await ada.closed()).code).toBe(1009);
});

test('too many messages are refused with a time, and whoever goes on is put out (1008)', async () => {
  const clock = fakeClock();
  const live = await serve({ maxMessagesPerSecond: 10, messageBurst: 3, clock });
  const ada = await Peer.open(live);
  for (let sent = 0; sent < 3; sent++) expect(await ada.outcome({ type: 'ping' })).toBe('ack');
  expect(await ada.ask({ type: 'ping' })).toMatchObject({
    code: 'ERR_MESSAGE_RATE',
    retryInMs: 100,
  });
  clock.advance(100);
  expect(await ada.outcome({ type: 'ping' })).toBe('ack');
  for (let sent = 0; sent < 4; sent++) ada.ws.send('{"id":1,"type":"ping"}');
  expect(await ada.closed()).toEqual({ code: 1008, reason: 'too many messages' });
  const ibn = await Peer.open(live);
  for (let sent = 0; sent < 20; sent++) ibn.ws.ping();
  expect(await ibn.closed()).toEqual({ code: 1008, reason: 'too many pings' });
});

test('whoever sends twice what is admitted is put out in the end, however evenly', () => {
  const rate = new MessageRate(10, 5);
  let nowMs = 1000;
  let verdict = rate.take(nowMs);
  let sent = 1;
  // Each third one comes in time.
  while (verdict !== 'abusive' && sent < 1000) {
    nowMs += 100 / 3;
    verdict = rate.take(nowMs);
    sent++;
  }
  expect(verdict).toBe('abusive');
  const patient = new MessageRate(10, 5);
  const verdicts = new Set<string>();
  for (let at = 0; at < 1000; at++) verdicts.add(patient.take(at * 80));
  expect(verdicts).toEqual(new Set(['admitted', 'refused']));
});

test('a ping is answered with its payload (RFC 6455 §5.5.3)', async () => {
  const live = await serve({});
  const ada = await Peer.open(live);
  const answered = new Promise((resolve) => ada.ws.once('pong', resolve));
  ada.ws.ping('are you there');
  expect(String(await answered)).toBe('are you there');
});

describe('a frame', () => {
  test('is, byte for byte, what ws makes of the same text (RFC 6455 §5.2)', () => {
    const isSame = (text: string): void => {
      const theirs = Buffer.concat(
        Sender.frame(Buffer.from(text), {
          fin: true,
          opcode: 1,
          mask: false,
          readOnly: true,
          rsv1: false,
        }),
      );
      expect(textFrame(text).equals(theirs)).toBe(true);
    };
    for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) isSame('x'.repeat(length));
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 400 }), isSame));
  });

  test('can be read again', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (texts) => {
        const receiver = new Receiver({ isServer: false });
        const read: string[] = [];
        receiver.on('message', (data: Buffer) => read.push(String(data)));
        receiver.write(Buffer.concat(texts.map(textFrame)));
        expect(read).toEqual(texts);
      }),
    );
  });

  test('is made once for everybody, and a burst is one write to each', async () => {
    const live = await serve({ channels: { news: {} } });
    const writes: unknown[] = [];
    live.server.on('upgrade', (_req, socket) => {
      const write = socket.write.bind(socket);
      socket.write = ((chunk: Uint8Array, ...rest: never[]) => {
        if (Buffer.from(chunk).includes('"event"')) writes.push(chunk);
        return write(chunk, ...rest);
      }) as never;
    });
    const peers = await Promise.all(Array.from({ length: 5 }, () => Peer.open(live)));
    await Promise.all(peers.map((peer) => peer.subscribe('news')));
    live.channels.publish('news', 'one');
    for (const peer of peers) await peer.next('event');
    expect([writes.length, new Set(writes).size]).toEqual([5, 1]);
    for (let count = 0; count < 20; count++) live.channels.publish('news', count);
    for (const peer of peers) for (let count = 0; count < 20; count++) await peer.next('event');
    expect([writes.length, new Set(writes).size]).toEqual([10, 2]);
  });
});

test('an event carries whom it is from, where its channel says so, and a handler runs for them', async () => {
  const correlate = correlation({ context: true });
  const seen: unknown[] = [];
  const live = await serve(
    {
      channels: {
        chat: {
          publish: true,
          carrier: true,
          onPublish: () => void seen.push(correlate.current()?.id),
        },
        plain: {
          publish: true,
          onPublish: () => void seen.push(correlate.current()?.id),
        },
      },
    },
    [correlate],
  );
  const ada = await Peer.open(live, { 'x-request-id': 'opened-by-ada' });
  expect(live.channels.connections()[0]!.id).toBe('opened-by-ada');
  await ada.subscribe('chat');
  await ada.ask({ type: 'publish', channel: 'chat', data: 1 });
  const own = await ada.next('event');
  expect(own.carrier).toMatchObject({ 'x-request-id': 'opened-by-ada' });
  await ada.ask({
    type: 'publish',
    channel: 'chat',
    data: 2,
    carrier: { ...own.carrier, 'x-request-id': 'somebody-else' },
  });
  expect((await ada.next('event')).carrier).toMatchObject({ 'x-request-id': 'somebody-else' });
  live.channels.publish('chat', 3, { id: 'a-job', trace: undefined });
  expect((await ada.next('event')).carrier).toEqual({ 'x-request-id': 'a-job' });
  await ada.subscribe('plain');
  live.channels.publish('plain', 4);
  expect((await ada.next('event')).carrier).toBeUndefined();
  const carrier = { 'x-request-id': 'somebody-else' };
  await ada.ask({ type: 'publish', channel: 'plain', data: 4, carrier });
  expect(seen).toEqual(['opened-by-ada', 'somebody-else', 'opened-by-ada']);
});
