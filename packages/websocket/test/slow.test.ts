import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { fakeClock } from '@org/core/testing';
import * as fc from 'fast-check';
import {
  type ServerMessage,
  type Websocket,
  websocket,
  type WebsocketEvent,
  type WebsocketOptions,
} from '@org/websocket';

import type { Entry } from '../src/entry.ts';
import { type Held, Outbox, type Receiver, SLOW_BYTES, type SlowPolicy } from '../src/outbox.ts';
import { type Live, Peer, start } from './live.ts';

const running: Live[] = [];

afterEach(async () => {
  for (const live of running.splice(0)) await live.close();
});

async function serve(
  options: Partial<WebsocketOptions>,
): Promise<Live & { channels: Websocket; events: WebsocketEvent[] }> {
  const events: WebsocketEvent[] = [];
  const channels = websocket({ onEvent: (event) => void events.push(event), ...options });
  const live = await start(channels);
  running.push(live);
  return { ...live, channels, events };
}

/** Events that are too large for the kernel to take many of. */
const LARGE = 'x'.repeat(60_000);

const turn = (): Promise<void> => new Promise(setImmediate);

/** Publishes until something waits in this process for those who do not read; `quick` reads all of it. */
async function fill(
  channels: Websocket,
  name: string,
  waits: () => boolean,
  quick?: Peer,
): Promise<number> {
  let published = 0;
  while (!waits()) {
    channels.publish(name, { at: published++, padding: LARGE });
    await turn();
    const read = (): number => (quick === undefined ? published : eventsOf(quick).length);
    while (read() < published) await turn();
  }
  return published;
}

type EventMessage = Extract<ServerMessage, { type: 'event' }>;

const eventsOf = (peer: Peer): EventMessage[] =>
  peer.messages.filter((message): message is EventMessage => message.type === 'event');

test('one who reads slowly holds up nobody, gets the latest, and is told what is missing', async () => {
  const live = await serve({
    maxBufferedBytes: 10 * 1024 * 1024,
    channels: { news: { maxQueued: 5 } },
  });
  const [slow, quick] = [await Peer.open(live), await Peer.open(live)];
  await slow.subscribe('news');
  await quick.subscribe('news');
  slow.ws.pause();
  const dropped = (): boolean => live.channels.stats()['droppedTotal'] === 3;
  const published = await fill(live.channels, 'news', dropped, quick);
  await quick.settle();
  expect(eventsOf(quick).map(({ offset }) => offset)).toEqual(
    Array.from({ length: published }, (_, at) => at + 1),
  );
  const route = await fetch(`${live.url}/api/middleware/websockets`);
  expect(await route.json()).toMatchObject({
    connections: 2,
    droppedTotal: 3,
    slowest: [{ waitingBytes: expect.any(Number), socketBytes: expect.any(Number) }],
  });
  slow.ws.resume();
  const gap = await slow.next('gap');
  while (eventsOf(slow).at(-1)?.offset !== published) await turn();
  expect(gap).toMatchObject({ channel: 'news', reason: 'slow', to: gap.from! + 2 });
  expect(eventsOf(slow).map(({ offset }) => offset)).toEqual(
    Array.from({ length: published }, (_, at) => at + 1).filter(
      (offset) => offset < gap.from! || offset > gap.to!,
    ),
  );
  expect(live.channels.stats()).toMatchObject({ droppedTotal: 3, bufferedBytes: 0 });
});

test('where events replace each other, the latest of each key arrives', async () => {
  const live = await serve({
    maxBufferedBytes: 10 * 1024 * 1024,
    channels: {
      prices: { slow: 'conflate', key: (data) => (data as { of: string }).of, history: false },
    },
  });
  const slow = await Peer.open(live);
  await slow.subscribe('prices');
  slow.ws.pause();
  let at = 0;
  while ((live.channels.stats()['conflatedTotal'] as number) < 20) {
    live.channels.publish('prices', { of: 'abc'[at % 3], at: at++, padding: LARGE });
    await turn();
  }
  slow.ws.resume();
  const ats = (): number[] => eventsOf(slow).map(({ data }) => (data as { at: number }).at);
  while (ats().at(-1) !== at - 1) await turn();
  expect(ats().slice(-3)).toEqual([at - 3, at - 2, at - 1]);
  expect(ats()).toHaveLength(at - 20);
  expect(slow.messages.filter(({ type }) => type === 'gap')).toEqual([]);
});

test('where a channel does not wait, its connection ends (1013), and others go on', async () => {
  const live = await serve({ channels: { strict: { slow: 'close' } } });
  const [slow, quick] = [await Peer.open(live), await Peer.open(live)];
  await slow.subscribe('strict');
  await quick.subscribe('strict');
  slow.ws.pause();
  const ended = (): boolean => live.channels.stats()['slowTotal'] === 1;
  await fill(live.channels, 'strict', ended, quick);
  slow.ws.resume();
  expect(await slow.closed()).toEqual({ code: 1013, reason: 'its channel does not wait' });
  expect(live.events.filter(({ type }) => type === 'slow')).toMatchObject([
    { why: 'its channel does not wait', member: { id: expect.any(String) } },
  ]);
  expect(await quick.outcome({ type: 'ping' })).toBe('ack');
});

test('what waits is bounded for each, and for all together those who hold the most are put out', async () => {
  const live = await serve({
    maxBufferedBytes: 200_000,
    maxTotalBufferedBytes: 300_000,
    channels: { news: { maxQueued: 1000 } },
  });
  const [one, other] = [await Peer.open(live), await Peer.open(live)];
  for (const peer of [one, other]) {
    await peer.subscribe('news');
    peer.ws.pause();
  }
  let most = 0;
  await fill(live.channels, 'news', () => {
    const { bufferedBytes, slowTotal } = live.channels.stats();
    most = Math.max(most, bufferedBytes as number);
    return slowTotal === 1;
  });
  // What the two sockets hold comes on top, and the event under way.
  expect(most).toBeLessThan(300_000 + 2 * (SLOW_BYTES + LARGE.length + 200));
  expect(live.channels.health().status).toBe('pass');
});

test('who asks and does not read is put out', async () => {
  const live = await serve({
    maxBufferedBytes: 64 * 1024,
    maxMessagesPerSecond: 1_000_000,
    messageBurst: 1_000_000,
    channels: {},
  });
  const peer = await Peer.open(live);
  peer.ws.pause();
  const channel = 'x'.repeat(250);
  const message = JSON.stringify({ id: 1, type: 'subscribe', channel });
  while (live.channels.stats()['slowTotal'] === 0) {
    for (let sent = 0; sent < 1000; sent++) peer.ws.send(message);
    await turn();
  }
  expect(live.events).toMatchObject([{ type: 'opened' }, { why: 'answers are not read' }]);
  peer.ws.terminate();
});

test('what was missed and is not read counts, too: those who hold the most are put out', async () => {
  const clock = fakeClock();
  const live = await serve({
    clock,
    heartbeatMs: 3_600_000,
    maxBufferedBytes: 16 * 1024 * 1024,
    maxTotalBufferedBytes: 8 * 1024 * 1024,
    channels: { news: { history: { maxBytes: 16 * 1024 * 1024 } } },
  });
  const first = await Peer.open(live);
  const { epoch } = await first.subscribe('news');
  await first.end();
  for (let at = 0; at < 10; at++) live.channels.publish('news', 'x'.repeat(1024 * 1024));
  const since = { epoch, offset: 0 };
  const deaf = [await Peer.open(live), await Peer.open(live)];
  for (const { ws } of deaf) {
    ws.pause();
    ws.send(JSON.stringify({ id: 1, type: 'subscribe', channel: 'news', since }));
  }
  while (live.channels.stats()['recoveredTotal'] !== 2) await turn();
  await turn();
  expect(live.channels.stats()['bufferedBytes']).toBeGreaterThan(8 * 1024 * 1024);
  clock.advance(1000);
  expect(live.channels.stats()['slowTotal']).toBeGreaterThan(0);
  for (const { ws } of deaf) ws.terminate();
});

/** A socket that takes what it is told to. */
class FakeSocket extends EventEmitter {
  writableLength: number = 0;
  readonly writableHighWaterMark: number = 16_384;
  readonly written: Buffer[] = [];

  write(frame: Buffer): boolean {
    this.written.push(frame);
    this.writableLength += frame.length;
    return this.writableLength < this.writableHighWaterMark;
  }

  cork(): void {}
  uncork(): void {}

  drain(): void {
    this.writableLength = 0;
    this.emit('drain');
  }
}

describe('an outbox', () => {
  const MAX_BYTES = 100_000;
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ bytes: fc.integer({ min: 1, max: 50_000 }), key: fc.nat(3) }),
    },
    { weight: 1, arbitrary: fc.constant('drain' as const) },
  );

  const run = (policy: SlowPolicy, steps: readonly unknown[]) => {
    const socket = new FakeSocket();
    const held: Held = { bytes: 0, droppedTotal: 0, conflatedTotal: 0 };
    const owner = { socket: socket as unknown as Socket, endSlow: () => undefined };
    const outbox = new Outbox(owner, MAX_BYTES, held);
    const told: (Entry | { from: number; to: number })[] = [];
    const frames = new Map<Buffer, Entry | { from: number; to: number }>();
    const receiver: Receiver = {
      policy,
      maxQueued: 4,
      backlog: undefined,
      gapFrame(from, to) {
        const frame = Buffer.from('gap');
        frames.set(frame, { from, to });
        return frame;
      },
      afterBacklog: () => undefined,
    };
    const sent: Entry[] = [];
    for (const one of steps as ('drain' | { bytes: number; key: number })[]) {
      if (one === 'drain') {
        socket.drain();
        continue;
      }
      const entry: Entry = {
        offset: sent.length + 1,
        frame: Buffer.alloc(one.bytes),
        key: policy === 'conflate' ? String(one.key) : undefined,
      };
      sent.push(entry);
      frames.set(entry.frame, entry);
      const isOpen = receiver.backlog === undefined && socket.writableLength < outbox.slowBytes;
      if (isOpen) socket.write(entry.frame);
      else outbox.hold(receiver, entry);
      expect(outbox.bytes).toBeLessThanOrEqual(MAX_BYTES);
      expect(held.bytes).toBe(outbox.bytes);
    }
    while (outbox.isSlow) socket.drain();
    for (const frame of socket.written) told.push(frames.get(frame)!);
    expect([outbox.bytes, held.bytes, receiver.backlog]).toEqual([0, 0, undefined]);
    return { sent, told, held };
  };

  test('brings every event in order, or tells that it was dropped', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { sent, told, held } = run('dropOldest', steps);
        const accounted = told.flatMap((one) =>
          'offset' in one
            ? [one.offset]
            : Array.from({ length: one.to - one.from + 1 }, (_, at) => one.from + at),
        );
        expect(accounted).toEqual(sent.map(({ offset }) => offset));
        const dropped = told.reduce(
          (sum, one) => sum + ('from' in one ? one.to - one.from + 1 : 0),
          0,
        );
        expect(held.droppedTotal).toBe(dropped);
      }),
    );
  });

  test('brings the latest of each key last, and offsets never go back', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { sent, told } = run('conflate', steps);
        const arrived = told.filter((one): one is Entry => 'offset' in one);
        const offsets = arrived.map(({ offset }) => offset);
        expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
        const dropped = new Set(
          told.flatMap((one) =>
            'from' in one
              ? Array.from({ length: one.to - one.from + 1 }, (_, at) => one.from + at)
              : [],
          ),
        );
        for (const key of new Set(sent.map((entry) => entry.key))) {
          const latest = sent.findLast((entry) => entry.key === key)!.offset;
          expect(offsets.includes(latest) || dropped.has(latest)).toBe(true);
        }
      }),
    );
  });
});
