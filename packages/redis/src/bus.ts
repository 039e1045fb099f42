/**
 * Publish and subscribe. Redis numbers the messages of a channel, in the same step that sends them;
 * a number that does not follow the one before says that something was missed, whatever was lost:
 * a connection, a server, or all that it knew.
 */
import type { Bus, BusMessage, CallOptions } from '@org/core';

import type { Calls } from './calls.ts';
import { readerOf, subscriberOf } from './client.ts';
import type { Keys } from './keys.ts';
import { type BusListener, ChannelListeners } from './listeners.ts';
import type { Settings } from './options.ts';
import { APPEND, PUBLISH } from './scripts.ts';
import { entriesOf, lastOf, StreamReader } from './stream-reader.ts';
import { Subscriber } from './subscriber.ts';
import { bytesOf } from './values.ts';

/** A bus that can be looked at and ended. */
export interface RedisBus extends Bus {
  publish(channel: string, data: Uint8Array, options?: CallOptions): Promise<void>;
  subscribe(channel: string, listener: BusListener, options?: CallOptions): Promise<() => void>;
  readonly channels: number;
  /** Whether every channel is heard at the moment. */
  readonly isListening: boolean;
  close(): void;
}

const nothing = (): void => undefined;

/** Messages reach who is connected when they are published. */
export function pubsubBus(calls: Calls, keys: Keys, settings: Settings): RedisBus {
  const { link } = calls;
  const { retentionMs, maxValueBytes } = settings;
  const subscriber = new Subscriber({
    ...settings,
    connection: () => subscriberOf(link.client, settings.random),
    nameOf: (channel) => keys.channel(channel),
  });
  return {
    publish(channel, data, options) {
      const key = keys.sequence(channel);
      const message = bytesOf(data, maxValueBytes);
      return calls.run<void>(
        {
          call: 'publish',
          key,
          script: PUBLISH,
          args: [key, keys.channel(channel), message, retentionMs, link.serverId],
          read: nothing,
        },
        options,
      );
    },
    async subscribe(channel, listener, options) {
      await link.open();
      return subscriber.subscribe(channel, listener, options?.timeoutMs);
    },
    get channels() {
      return subscriber.channels;
    },
    get isListening() {
      return subscriber.channels === 0 || subscriber.isListening;
    },
    close: () => subscriber.close(),
  };
}

/** Messages are kept for a while: who was cut off hears them late. */
export function streamBus(calls: Calls, keys: Keys, settings: Settings): RedisBus {
  const { link } = calls;
  const { retentionMs, maxValueBytes, streamMaxLength } = settings;
  const listeners = new ChannelListeners();
  const readers = new Map<string, StreamReader>();
  const prefix = link.client.options.keyPrefix ?? '';

  function read(channel: string, after: number): void {
    const key = prefix + keys.stream(channel);
    const reader = new StreamReader({
      ...settings,
      key,
      after,
      connection: () => readerOf(link.client, key),
      onEntry: (entry) => listeners.tell(channel, Object.freeze<BusMessage>(entry)),
    });
    readers.set(channel, reader);
  }

  return {
    publish(channel, data, options) {
      const key = keys.stream(channel);
      const message = bytesOf(data, maxValueBytes);
      return calls.run<void>(
        {
          call: 'publish',
          key,
          script: APPEND,
          args: [key, message, streamMaxLength, retentionMs, link.serverId],
          read: nothing,
        },
        options,
      );
    },
    async subscribe(channel, listener, options) {
      const key = keys.stream(channel);
      const last = await calls.run(
        {
          call: 'subscribe',
          key,
          command: 'xrevrange',
          args: lastOf(key),
          read: (reply) => entriesOf(reply)[0]?.sequence ?? 0,
        },
        { timeoutMs: options?.timeoutMs ?? settings.connectTimeoutMs },
      );
      const hearing: BusListener = (message) => listener(message);
      if (listeners.add(channel, hearing)) read(channel, last);
      return () => {
        if (!listeners.remove(channel, hearing)) return;
        readers.get(channel)?.close();
        readers.delete(channel);
      };
    },
    get channels() {
      return listeners.size;
    },
    get isListening() {
      return [...readers.values()].every((reader) => reader.isListening);
    },
    close() {
      for (const reader of readers.values()) reader.close();
      readers.clear();
      listeners.clear();
    },
  };
}
