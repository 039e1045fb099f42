/** The connection through which channels are heard, on a clock that stands until it is moved. */
import { setTimeout as sleep } from 'node:timers/promises';

import { type FakeClock, fakeClock } from '@org/core/testing';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis, withRedis } from 'test-servers/redis';
import { type SlowProxy, startSlowProxy } from 'test-servers/slow-proxy';

import { StreamReader } from '../src/stream-reader.ts';
import { Subscriber } from '../src/subscriber.ts';

async function until(isTrue: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!isTrue()) {
    if (performance.now() > giveUpAt) throw new Error('It does not come true.');
    await sleep(10);
  }
}

withRedis('a subscriber', () => {
  let server: RedisServer;
  let proxy: SlowProxy;
  let clock: FakeClock;
  let connections: Redis[];
  let subscriber: Subscriber;
  let beforeSubscribing: () => Promise<void> | undefined;

  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(async () => {
    proxy = await startSlowProxy(server.port);
    clock = fakeClock();
    connections = [];
    beforeSubscribing = () => undefined;
    subscriber = new Subscriber({
      connectTimeoutMs: 1000,
      clock,
      random: () => 0,
      connection: () => {
        const options = {
          lazyConnect: true,
          retryStrategy: null,
          maxRetriesPerRequest: 0,
        };
        const connection = new Redis(proxy.port, '127.0.0.1', options);
        connections.push(connection);
        const asked = connection.subscribe.bind(connection);
        connection.subscribe = (async (...names: string[]) => {
          await beforeSubscribing();
          return asked(...names);
        }) as Redis['subscribe'];
        return connection;
      },
      nameOf: (channel) => channel,
    });
    await subscriber.subscribe('channel', () => undefined, undefined);
  });
  afterEach(async () => {
    subscriber.close();
    await proxy.close();
    // No timer is left once its connections have ended.
    await until(() => clock.pending === 0);
  });
  afterAll(() => server.crash());

  test('makes another connection as soon as one is lost', async () => {
    // One that has ended is not ended again: ioredis would set a timer that keeps the process.
    const disconnect = jest.spyOn(connections[0]!, 'disconnect');
    proxy.cut();
    await until(() => !subscriber.isListening && clock.pending > 0);
    expect(disconnect).not.toHaveBeenCalled();
    clock.advance(25);
    await until(() => subscriber.isListening);
    expect(connections).toHaveLength(2);
  });

  test('is not heard before the other connection has subscribed to its channels', async () => {
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    beforeSubscribing = () => answered;
    proxy.cut();
    await until(() => !subscriber.isListening);
    clock.advance(25);
    await until(() => connections[1]?.status === 'ready');
    expect(subscriber.isListening).toBe(false);
    answer();
    await until(() => subscriber.isListening);
  });

  test('gives up one that shows no sign of life', async () => {
    proxy.isSilent = true;
    clock.advance(2000);
    await sleep(0);
    expect(subscriber.isListening).toBe(true);
    clock.advance(2000);
    await until(() => !subscriber.isListening);
    proxy.isSilent = false;
    clock.advance(25);
    await until(() => subscriber.isListening);
    expect(connections).toHaveLength(2);
  });

  test('of a stream ends its connection once', async () => {
    const connection = subscriber['settings'].connection()!;
    const reader = new StreamReader({
      ...subscriber['settings'],
      key: 'stream',
      after: 0,
      connection: () => connection,
      onEntry: () => undefined,
    });
    await until(() => reader.isListening);
    const disconnect = jest.spyOn(connection, 'disconnect');
    reader.close();
    await until(() => connection.status === 'end');
    await sleep(0);
    expect(disconnect).toHaveBeenCalledTimes(1);
  });

  test('keeps none once nobody listens', async () => {
    const end = await subscriber.subscribe('other', () => undefined, undefined);
    end();
    expect(subscriber.isListening).toBe(true);
    const last = new Subscriber(subscriber['settings']);
    (await last.subscribe('channel', () => undefined, undefined))();
    await until(() => connections[1]!.status === 'end');
  });
});
