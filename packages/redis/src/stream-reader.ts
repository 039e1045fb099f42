/**
 * Hears one channel by reading its stream, through a connection of its own that waits for what
 * comes. It goes on where it was after the connection is lost: nothing is missed that the stream
 * still has, and the numbers show what it has no more.
 */
import { type Cancel, type Clock, storeTimeout, within } from '@org/core';
import type { Redis } from 'ioredis';

import { endAlone, retryDelayMs } from './client.ts';

/** A message of a stream. */
export interface Entry {
  readonly sequence: number;
  readonly data: Buffer;
}

export interface StreamReaderSettings {
  /** The stream, as the server knows it. */
  readonly key: string;
  /** Number of the last message before those that are wanted. */
  readonly after: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** A connection that is not made yet; nothing where the server is not known. */
  readonly connection: () => Redis | undefined;
  readonly onEntry: (entry: Entry) => void;
}

/** How long a read waits for a message, in ms. */
const BLOCK_MS = 2000;
/** The most messages of one read. */
const BATCH = 100;

export class StreamReader {
  private readonly settings: StreamReaderSettings;
  private last: number;
  private connection: Redis | undefined = undefined;
  private attempts: number = 0;
  private cancelWait: Cancel | undefined = undefined;
  private wake: () => void = () => undefined;
  private closed: boolean = false;

  constructor(settings: StreamReaderSettings) {
    this.settings = settings;
    this.last = settings.after;
    void this.run();
  }

  get isListening(): boolean {
    return this.connection?.status === 'ready';
  }

  close(): void {
    this.closed = true;
    this.cancelWait?.();
    this.wake();
    this.connection?.disconnect();
  }

  private async run(): Promise<void> {
    while (!this.closed) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one read after the other
        await this.read();
        this.attempts = 0;
      } catch {
        if (this.connection !== undefined) endAlone(this.connection);
        this.connection = undefined;
        // oxlint-disable-next-line no-await-in-loop -- the time between two attempts
        if (!this.closed) await this.pause();
      }
    }
  }

  private async read(): Promise<void> {
    const { key } = this.settings;
    const connection = await this.connected();
    const after = `${this.last}-0`;
    const reply = await this.inTime(() =>
      connection.callBuffer('xread', ['COUNT', BATCH, 'BLOCK', BLOCK_MS, 'STREAMS', key, after]),
    );
    const entries = entriesOf((reply as [[Buffer, unknown]] | null)?.[0]?.[1]);
    for (const entry of entries) {
      this.last = entry.sequence;
      if (!this.closed) this.settings.onEntry(entry);
    }
    if (entries.length > 0) return;
    // A server that has lost all, and whose clock is behind, numbers from where it is.
    const latest = await this.inTime(() => connection.callBuffer('xrevrange', lastOf(key)));
    const [newest] = entriesOf(latest);
    if (newest !== undefined && newest.sequence < this.last) this.last = 0;
  }

  private async connected(): Promise<Redis> {
    if (this.connection !== undefined) return this.connection;
    const connection = this.settings.connection();
    if (connection === undefined) throw new Error('There is no server to read from.');
    this.connection = connection;
    connection.on('error', () => undefined);
    await this.inTime(() => connection.connect());
    return connection;
  }

  private async inTime<T>(work: () => Promise<T>): Promise<T> {
    const { clock, connectTimeoutMs } = this.settings;
    const limitMs = BLOCK_MS + connectTimeoutMs;
    let answer: T | undefined;
    const inTime = await within(limitMs, clock, async () => {
      answer = await work();
    });
    if (!inTime) throw storeTimeout('subscribe', limitMs);
    return answer as T;
  }

  private pause(): Promise<void> {
    const { clock, random } = this.settings;
    return new Promise((resolve) => {
      this.wake = resolve;
      this.cancelWait = clock.after(retryDelayMs(++this.attempts, random), resolve);
    });
  }
}

/** Arguments that ask for the newest message. */
export function lastOf(key: string): (string | number)[] {
  return [key, '+', '-', 'COUNT', 1];
}

/** The messages of a reply. */
export function entriesOf(reply: unknown): Entry[] {
  return ((reply ?? []) as [Buffer, Buffer[]][]).map(([id, fields]) => ({
    sequence: Number.parseInt(id.toString('latin1'), 10),
    data: fields[3]!,
  }));
}
