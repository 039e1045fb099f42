import { once } from 'node:events';
import { connect as dial, type Socket } from 'node:net';
import { type Fault, FAULT_CHANNEL } from '@org/core';
import * as fc from 'fast-check';
import { subscribe as hear, unsubscribe as unhear } from 'node:diagnostics_channel';
import { websocket } from '@org/websocket';

import { readClientMessage } from '../src/protocol.ts';
import { type Live, Peer, start, WAYS } from './live.ts';

/** The same for everybody who runs it; another finds other things. */
const SEED = 20_260_101;

const faults: unknown[] = [];
const onFault = (message: unknown): void => void faults.push((message as Fault).error);
const onRejection = (error: unknown): void => void faults.push(error);

beforeEach(() => {
  faults.length = 0;
  hear(FAULT_CHANNEL, onFault);
  process.on('unhandledRejection', onRejection);
});

afterEach(() => {
  unhear(FAULT_CHANNEL, onFault);
  process.off('unhandledRejection', onRejection);
});

const HANDSHAKE =
  'GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** Sends bytes as they are, and waits for what becomes of the connection: its end, or an answer to a ping. */
async function throwAt(live: Live, bytes: Uint8Array): Promise<string> {
  const socket: Socket = dial(Number(new URL(live.url).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(HANDSHAKE);
  await once(socket, 'data');
  socket.end(bytes);
  await closed;
  return answer;
}

const masked = (opcode: number, payload: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);

test.each(WAYS)('frames of any bytes end their connection at most, %s', async (way) => {
  const channels = websocket({ channels: { ':any': { publish: true, presence: true } } });
  const live = await start(channels, way);
  const frame = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 60 }),
    fc
      .tuple(fc.constantFrom(0, 1, 2, 3, 8, 9, 10, 15), fc.uint8Array({ maxLength: 40 }))
      .map(([opcode, payload]) => masked(opcode, payload)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 4 }), async (frames) => {
      const answer = await throwAt(live, Buffer.concat(frames));
      expect(answer.startsWith('HTTP/1.1 101 ')).toBe(true);
    }),
    { seed: SEED, numRuns: 150 },
  );
  const peer = await Peer.open(live);
  expect(await peer.outcome({ type: 'ping' })).toBe('ack');
  await live.close();
  expect(channels.stats()).toMatchObject({ connections: 0, subscriptions: 0, bufferedBytes: 0 });
  expect(faults).toEqual([]);
});

test('messages of any content are answered, and break nothing', async () => {
  const channels = websocket({
    maxMessagesPerSecond: 1_000_000,
    messageBurst: 1_000_000,
    channels: {
      'a/:b': { publish: true, presence: true },
      c: { publish: true, slow: 'conflate', key: (data) => (data as { key: string }).key },
    },
  });
  const live = await start(channels);
  const peer = await Peer.open(live);
  const word = fc.constantFrom('subscribe', 'unsubscribe', 'publish', 'auth', 'ping', 'hello', '');
  const name = fc.oneof(fc.constantFrom('a/1', 'a/2', 'c', 'a/', '__proto__'), fc.string());
  const message = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .record(
        {
          type: fc.oneof(word, fc.jsonValue()),
          id: fc.oneof(fc.nat(), fc.jsonValue()),
          channel: fc.oneof(name, fc.jsonValue()),
          data: fc.oneof(fc.record({ key: fc.string() }), fc.jsonValue()),
          since: fc.oneof(fc.record({ epoch: fc.string(), offset: fc.nat() }), fc.jsonValue()),
          carrier: fc.jsonValue(),
          token: fc.jsonValue(),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 20 }), async (texts) => {
      for (const text of texts) peer.ws.send(text);
      // With an id that the answers to the others cannot have.
      expect(await peer.ask({ type: 'ping' })).toMatchObject({ type: expect.any(String) });
      peer.messages.length = 0;
    }),
    { seed: SEED, numRuns: 200 },
  );
  expect(peer.ws.readyState).toBe(1);
  await live.close();
  expect(channels.stats()).toMatchObject({ connections: 0, subscriptions: 0 });
  // A key that is none is the application's to know of; nothing else is anybody's fault.
  expect(faults.filter((fault) => !/Cannot read properties/.test(String(fault)))).toEqual([]);
  expect(({} as Record<string, unknown>)['key']).toBeUndefined();
});

test('reading a message never throws, and gives what it was given', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(['string', 'object']).toContain(typeof readClientMessage(text));
    }),
    { seed: SEED },
  );
  fc.assert(
    fc.property(
      fc.nat(),
      fc.stringMatching(/^[!-~]{1,256}$/),
      fc.jsonValue(),
      (id, channel, data) => {
        const message = { type: 'publish', id, channel, data };
        const read = readClientMessage(JSON.stringify(message));
        expect(read).toEqual({
          ...(JSON.parse(JSON.stringify(message)) as object),
          carrier: undefined,
        });
      },
    ),
    { seed: SEED },
  );
});
