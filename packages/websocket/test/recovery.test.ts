import * as fc from 'fast-check';
import { fakeClock } from '@org/core/testing';
import {
  type Position,
  type ServerMessage,
  websocket,
  type WebsocketOptions,
} from '@org/websocket';

import type { Entry } from '../src/entry.ts';
import { History } from '../src/history.ts';
import { type Live, Peer, start } from './live.ts';

const running: Live[] = [];

afterEach(async () => {
  for (const live of running.splice(0)) await live.close();
});

async function serve(options: Partial<WebsocketOptions>) {
  const clock = fakeClock();
  const channels = websocket({ clock, ...options });
  const live = await start(channels);
  running.push(live);
  return { ...live, channels, clock };
}

const datasOf = (messages: readonly ServerMessage[]): unknown[] =>
  messages.flatMap((message) => (message.type === 'event' ? [message.data] : []));

/** Comes back, and says whether it got everything, and what. */
async function comeBack(live: Live, channel: string, since: Position) {
  const peer = await Peer.open(live);
  const { recovered } = await peer.subscribe(channel, since);
  await peer.settle();
  const missed = datasOf(peer.messages);
  await peer.end();
  return { recovered, missed };
}

test('who comes back gets what was missed, and is told where that is not complete', async () => {
  const { channels, clock, ...live } = await serve({
    channels: { news: { history: { maxEvents: 3, maxAgeMs: 1000 } }, fleeting: { history: false } },
  });
  const first = await Peer.open(live);
  const { epoch, offset } = await first.subscribe('news');
  const at = (moved: number): Position => ({ epoch: epoch!, offset: offset! + moved });
  await first.end();
  expect(await comeBack(live, 'news', at(0))).toEqual({ recovered: true, missed: [] });
  for (const data of ['a', 'b', 'c']) channels.publish('news', data);
  expect(await comeBack(live, 'news', at(0))).toEqual({ recovered: true, missed: ['a', 'b', 'c'] });
  expect(await comeBack(live, 'news', at(2))).toEqual({ recovered: true, missed: ['c'] });
  channels.publish('news', 'd');
  expect(await comeBack(live, 'news', at(0))).toEqual({ recovered: false, missed: [] });
  expect(await comeBack(live, 'news', at(1))).toEqual({ recovered: true, missed: ['b', 'c', 'd'] });
  expect(await comeBack(live, 'news', at(9))).toEqual({ recovered: false, missed: [] });
  expect(await comeBack(live, 'news', { epoch: 'another', offset: 4 })).toEqual({
    recovered: false,
    missed: [],
  });
  const again = await Peer.open(live);
  expect(await again.subscribe('news', { epoch: 'another', offset: 4 })).toMatchObject({
    epoch,
    offset: 4,
  });
  clock.advance(1000);
  expect(await comeBack(live, 'news', at(3))).toEqual({ recovered: false, missed: [] });
  expect(await comeBack(live, 'news', at(4))).toEqual({ recovered: true, missed: [] });
  const { epoch: other } = await again.subscribe('fleeting');
  channels.publish('fleeting', 1);
  expect(await comeBack(live, 'fleeting', { epoch: other!, offset: 0 })).toMatchObject({
    recovered: false,
  });
  expect(channels.stats()).toMatchObject({ recoveredTotal: 5, unrecoveredTotal: 6 });
});

test('what was missed comes whole, whatever a channel does with those who read slowly, or not at all', async () => {
  const history = { maxEvents: 500, maxBytes: 1_000_000 };
  const { channels, ...live } = await serve({
    maxBufferedBytes: 300_000,
    channels: {
      dropping: { history, maxQueued: 1 },
      conflated: { history, slow: 'conflate' },
      strict: { history, slow: 'close' },
    },
  });
  const peer = await Peer.open(live);
  for (const name of ['dropping', 'conflated', 'strict']) {
    const { epoch } = await peer.subscribe(name);
    await peer.ask({ type: 'unsubscribe', channel: name });
    for (let at = 0; at < 250; at++) channels.publish(name, 'x'.repeat(1000));
    const { recovered, missed } = await comeBack(live, name, { epoch: epoch!, offset: 0 });
    expect([name, recovered, missed.length]).toEqual([name, true, 250]);
    for (let at = 0; at < 100; at++) channels.publish(name, 'x'.repeat(1000));
    const more = await comeBack(live, name, { epoch: epoch!, offset: 0 });
    expect([name, more.recovered, more.missed.length]).toEqual([name, false, 0]);
  }
});

test('a channel that was forgotten begins another life, and admits it', async () => {
  const { channels, clock, ...live } = await serve({
    channels: { 'news/:topic': { history: { maxAgeMs: 5000 } } },
  });
  const peer = await Peer.open(live);
  const { epoch } = await peer.subscribe('news/a');
  channels.publish('news/a', 1);
  channels.publish('news/never-heard', 1);
  await peer.end();
  // The client knows it first.
  while (channels.stats()['connections'] !== 0) await new Promise(setImmediate);
  clock.advance(4000);
  expect(channels.stats()).toMatchObject({ channels: 2, historyBytes: expect.any(Number) });
  clock.advance(2000);
  expect(channels.stats()).toMatchObject({ channels: 0, historyBytes: 0 });
  expect(await comeBack(live, 'news/a', { epoch: epoch!, offset: 1 })).toMatchObject({
    recovered: false,
  });
});

test('all histories together are bounded: the longest-kept go first', async () => {
  const { channels, ...live } = await serve({
    maxHistoryBytes: 10_000,
    channels: { 'news/:topic': {} },
  });
  const peer = await Peer.open(live);
  const { epoch: first } = await peer.subscribe('news/0');
  const { epoch: last } = await peer.subscribe('news/19');
  for (let topic = 0; topic < 20; topic++) channels.publish(`news/${topic}`, 'x'.repeat(1000));
  expect(channels.stats()['historyBytes']).toBeLessThanOrEqual(10_000);
  expect(channels.stats()['historyBytes']).toBeGreaterThan(8_000);
  expect((await comeBack(live, 'news/0', { epoch: first!, offset: 0 })).recovered).toBe(false);
  expect((await comeBack(live, 'news/19', { epoch: last!, offset: 0 })).recovered).toBe(true);
});

test('one large event may put out any number of small ones', async () => {
  const { channels } = await serve({
    maxHistoryBytes: 2_000_000,
    channels: { 'news/:topic': { history: { maxBytes: 2_000_000 } } },
  });
  for (let topic = 0; topic < 20_000; topic++) channels.publish(`news/${topic}`, 1);
  channels.publish('news/large', 'x'.repeat(1_990_000));
  expect(channels.stats()['historyBytes']).toBeLessThanOrEqual(2_000_000);
  expect(channels.stats()['historyBytes']).toBeGreaterThan(1_990_000);
});

test('channels that nobody listens to make room for others, and admit it', async () => {
  const { channels, ...live } = await serve({
    maxChannels: 2,
    channels: { 'news/:topic': {} },
  });
  const peer = await Peer.open(live);
  const { epoch } = await peer.subscribe('news/a');
  await peer.ask({ type: 'unsubscribe', channel: 'news/a' });
  channels.publish('news/a', 1);
  channels.publish('news/b', 1);
  channels.publish('news/c', 1);
  expect(channels.stats()['channels']).toBe(2);
  expect((await peer.subscribe('news/a', { epoch: epoch!, offset: 0 })).recovered).toBe(false);
  await peer.subscribe('news/d');
  expect(await peer.outcome({ type: 'subscribe', channel: 'news/e' })).toBe('ERR_CHANNELS_FULL');
});

test('a history gives all that was missed, or nothing', () => {
  const event = fc.record({ bytes: fc.nat(40), pauseMs: fc.nat(30) });
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 80 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 100 }),
      (events, maxEvents, maxBytes, maxAgeMs) => {
        let kept = 0;
        const history = new History({ maxEvents, maxBytes, maxAgeMs }, (by) => (kept += by));
        const entries: (Entry & { atMs: number })[] = [];
        let nowMs = 0;
        for (const { bytes, pauseMs } of events) {
          nowMs += pauseMs;
          const entry = {
            offset: entries.length + 1,
            frame: Buffer.alloc(bytes),
            key: undefined,
            atMs: nowMs,
          };
          entries.push(entry);
          history.add(entry, nowMs);
          expect(history.size).toBeLessThanOrEqual(maxEvents);
          expect(history.bytes).toBeLessThanOrEqual(maxBytes);
          expect(kept).toBe(history.bytes);
        }
        const last = entries.length;
        for (let offset = 0; offset <= last; offset++) {
          const missed = entries.slice(offset);
          const given = history.since(offset, last, nowMs);
          const isYoung = missed.every(({ atMs }) => nowMs - atMs < maxAgeMs);
          const bytes = missed.reduce((sum, { frame }) => sum + frame.length, 0);
          const fits = missed.length <= maxEvents && bytes <= maxBytes;
          const isWhole = given !== undefined;
          expect(given ?? missed).toEqual(missed);
          expect(isWhole || !(isYoung && fits)).toBe(true);
        }
        expect(history.since(last + 1, last, nowMs)).toBeUndefined();
        history.clear();
        expect([kept, history.size]).toEqual([0, 0]);
      },
    ),
  );
});
