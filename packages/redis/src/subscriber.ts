/**
 * Hears channels over pub/sub, through a connection of its own: one that is lost, or through which
 * nothing comes any more, is replaced by another, which subscribes to the same channels. What was
 * published meanwhile is lost, and the number of the next message says so.
 */
import { type Cancel, type Clock, storeTimeout, storeUnavailable, within } from '@org/core';
import type { Redis } from 'ioredis';

import { wholeLimitMs } from './calls.ts';
import { endAlone, retryDelayMs } from './client.ts';
import { type BusListener, ChannelListeners } from './listeners.ts';
import { reasonOf } from './reason.ts';

export interface SubscriberSettings {
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** A connection that is not made yet; nothing where there is no server to choose. */
  readonly connection: () => Redis | undefined;
  /** The name of a channel in Redis. */
  readonly nameOf: (channel: string) => string;
}

/** How often it is asked for a sign of life, in ms. */
const HEARTBEAT_MS = 2000;

const SPACE = 0x20;

export class Subscriber {
  private readonly settings: SubscriberSettings;
  private readonly listeners: ChannelListeners = new ChannelListeners();
  private readonly channelOf: Map<string, string> = new Map();
  private connection: Redis | undefined = undefined;
  private connecting: Promise<void> | undefined = undefined;
  /** A connection is ready before Redis knows what it wants to hear. */
  private isSubscribed: boolean = false;
  private cancelRetry: Cancel | undefined = undefined;
  private stopHeartbeat: Cancel | undefined = undefined;
  private attempts: number = 0;
  private closed: boolean = false;

  constructor(settings: SubscriberSettings) {
    this.settings = settings;
  }

  get channels(): number {
    return this.listeners.size;
  }

  /** Whether the channels are heard. */
  get isListening(): boolean {
    return this.isSubscribed && this.isReady;
  }

  /** Resolves once the channel is heard. Rejects with ERR_STORE_TIMEOUT or ERR_STORE_UNAVAILABLE. */
  async subscribe(
    channel: string,
    listener: BusListener,
    timeoutMs: number | undefined,
  ): Promise<() => void> {
    const { clock, connectTimeoutMs, nameOf } = this.settings;
    if (this.closed) throw storeUnavailable('subscribe', new Error('The store is closed.'));
    const limitMs = wholeLimitMs(timeoutMs ?? connectTimeoutMs);
    const name = nameOf(channel);
    this.channelOf.set(name, channel);
    // Each subscription ends by itself, also where two of them share a listener.
    const hearing: BusListener = (message) => listener(message);
    this.listeners.add(channel, hearing);
    try {
      const inTime = await within(limitMs, clock, async () => {
        await this.connect();
        await this.connection!.subscribe(name);
      });
      if (!inTime) throw storeTimeout('subscribe', limitMs);
    } catch (error) {
      this.leave(channel, hearing);
      if ((error as { code?: unknown }).code === 'ERR_STORE_TIMEOUT') throw error;
      throw storeUnavailable('subscribe', reasonOf(error));
    }
    return () => this.leave(channel, hearing);
  }

  /** Leaves no handle. */
  close(): void {
    this.closed = true;
    this.listeners.clear();
    this.drop();
  }

  private leave(channel: string, listener: BusListener): void {
    if (!this.listeners.remove(channel, listener)) return;
    const name = this.settings.nameOf(channel);
    this.channelOf.delete(name);
    if (this.listeners.size === 0) this.drop();
    // Nobody waits for it: the channel is heard by nobody already. Where it fails, the connection has gone.
    else if (this.isReady) this.connection!.unsubscribe(name).catch(() => undefined);
  }

  private get isReady(): boolean {
    return this.connection?.status === 'ready';
  }

  private connect(): Promise<void> {
    if (this.isListening) return Promise.resolve();
    this.connecting ??= this.connectNow()
      .catch((error: unknown) => {
        this.retry();
        throw error;
      })
      .finally(() => (this.connecting = undefined));
    return this.connecting;
  }

  private async connectNow(): Promise<void> {
    const { clock, connectTimeoutMs } = this.settings;
    this.drop();
    const connection = this.settings.connection();
    if (connection === undefined) throw new Error('There is no server to subscribe to.');
    this.connection = connection;
    let reason: unknown;
    connection.on('error', (error) => (reason = error));
    connection.on('messageBuffer', (name: Buffer, data: Buffer) => this.hear(name, data));
    const inTime = await within(connectTimeoutMs, clock, async () => {
      await connection.connect();
      const names = [...this.channelOf.keys()];
      if (names.length > 0) await connection.subscribe(...names);
    }).catch((error: unknown) => {
      // Its own error says no more than that there is no connection.
      throw reason ?? error;
    });
    if (!inTime) throw storeTimeout('subscribe', connectTimeoutMs);
    if (this.closed || this.connection !== connection) {
      connection.disconnect();
      throw new Error('The subscriber is closed.');
    }
    this.isSubscribed = true;
    this.attempts = 0;
    connection.once('close', () => {
      if (this.connection === connection) this.retry();
    });
    this.stopHeartbeat = clock.every(HEARTBEAT_MS, () => void this.beat(connection));
  }

  /** One that does not answer is given up: its end has another one made. */
  private async beat(connection: Redis): Promise<void> {
    const { clock } = this.settings;
    const answered = await within(HEARTBEAT_MS, clock, () => connection.ping()).catch(() => false);
    if (answered || this.connection !== connection) return;
    this.retry();
  }

  private retry(): void {
    this.drop();
    if (this.closed || this.listeners.size === 0) return;
    const { clock, random } = this.settings;
    this.cancelRetry = clock.after(retryDelayMs(++this.attempts, random), () => {
      this.cancelRetry = undefined;
      // Where it fails it is tried again.
      this.connect().catch(() => undefined);
    });
  }

  private drop(): void {
    this.stopHeartbeat?.();
    this.stopHeartbeat = undefined;
    this.cancelRetry?.();
    this.cancelRetry = undefined;
    this.isSubscribed = false;
    const { connection } = this;
    this.connection = undefined;
    if (connection === undefined) return;
    connection.removeAllListeners('messageBuffer');
    endAlone(connection);
  }

  /** The number of a message stands before it. */
  private hear(name: Buffer, data: Buffer): void {
    const channel = this.channelOf.get(name.toString());
    const end = data.indexOf(SPACE);
    if (channel === undefined || end < 0) return;
    const sequence = Number(data.toString('latin1', 0, end));
    this.listeners.tell(channel, Object.freeze({ data: data.subarray(end + 1), sequence }));
  }
}
