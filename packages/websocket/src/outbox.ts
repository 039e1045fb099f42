/**
 * What waits for one connection. As long as its socket takes what it is given, nothing does; one
 * that reads slowly shows in the bytes that its socket holds back, and from then on the policy of
 * each channel decides: the latest of each key, the latest few, or the end of the connection.
 *
 * Bytes that a socket holds are Node's own count (`writableLength`), of what the kernel has not
 * taken; nothing here guesses by messages or by time.
 */
import type { Socket } from 'node:net';

import type { Entry } from './entry.ts';

/** What a connection is to its outbox. */
export interface Owner {
  /** The socket under the WebSocket. */
  readonly socket: Socket;
  /** Ends the connection because it takes too little; `why` is for the operator. */
  endSlow(why: string): void;
}

/** How a channel treats those who read slowly. */
export type SlowPolicy = 'conflate' | 'dropOldest' | 'close';

/** What an outbox needs to know of a subscription, whose events it may hold back. */
export interface Receiver {
  readonly policy: SlowPolicy;
  /** Events that may wait here. */
  readonly maxQueued: number;
  /** The message that tells of the offsets that were dropped. */
  gapFrame(from: number, to: number): Buffer;
  /** What has to be told once events flow again, such as who is there. */
  afterBacklog(): Buffer | undefined;
  /** What waits, by the key that a later event replaces; absent while nothing does. */
  backlog: Backlog | undefined;
}

/** Events of one subscription that wait, in the order of their offsets, and those that were dropped before them. */
export interface Backlog {
  readonly entries: Map<string | number, Entry>;
  droppedFrom: number;
  droppedTo: number;
}

/** What all outboxes of a server share. */
export interface Held {
  /** Bytes that wait in outboxes, over all connections. */
  bytes: number;
  droppedTotal: number;
  conflatedTotal: number;
}

/**
 * Bytes that a socket may hold before its connection is slow. Well above what a socket holds for a
 * moment between two writes, and above Node's own mark, at which it promises a `drain`.
 */
export const SLOW_BYTES: number = 64 * 1024;

/** Holds back what a socket does not take. */
export class Outbox {
  /** Bytes that wait here. */
  bytes: number = 0;
  /** Bytes that the socket may hold before something waits. */
  readonly slowBytes: number;
  private readonly owner: Owner;
  private readonly maxBytes: number;
  private readonly held: Held;
  private readonly waiting: Set<Receiver> = new Set();
  private listening: boolean = false;

  /** @param maxBytes that may wait, and as many again in the socket */
  constructor(owner: Owner, maxBytes: number, held: Held) {
    this.owner = owner;
    this.maxBytes = maxBytes;
    this.held = held;
    this.slowBytes = Math.max(SLOW_BYTES, owner.socket.writableHighWaterMark);
  }

  /** Bytes that wait here, and in the socket beyond what any socket may hold. */
  get waitingBytes(): number {
    return this.bytes + Math.max(0, this.owner.socket.writableLength - this.slowBytes);
  }

  get isSlow(): boolean {
    return this.waiting.size > 0;
  }

  /** Writes an answer, which never waits; a client that asks and does not read is ended. */
  write(frame: Buffer): void {
    const { socket } = this.owner;
    if (socket.writableLength + frame.length > this.maxBytes + this.slowBytes) {
      this.owner.endSlow('answers are not read');
      return;
    }
    socket.write(frame);
  }

  /** Keeps an event until the socket has taken what it holds. */
  hold(receiver: Receiver, entry: Entry): void {
    if (receiver.policy === 'close') {
      this.owner.endSlow('its channel does not wait');
      return;
    }
    const backlog = this.wait(receiver);
    const { entries } = backlog;
    const key = entry.key ?? entry.offset;
    const replaced = entries.get(key);
    if (replaced !== undefined) {
      // Taken out first: the later one stands at the end, where its offset belongs.
      entries.delete(key);
      this.count(-replaced.frame.length);
      this.held.conflatedTotal++;
    }
    entries.set(key, entry);
    this.count(entry.frame.length);
    while (entries.size > receiver.maxQueued || (this.bytes > this.maxBytes && entries.size > 0)) {
      this.dropOldest(backlog);
    }
  }

  /** Has a subscription wait until the socket has taken what it holds, whether or not events do. */
  wait(receiver: Receiver): Backlog {
    this.waiting.add(receiver);
    this.listen();
    return (receiver.backlog ??= { entries: new Map(), droppedFrom: 0, droppedTo: 0 });
  }

  /** Forgets what waits for a subscription that has ended. */
  forget(receiver: Receiver): void {
    if (receiver.backlog === undefined) return;
    for (const { frame } of receiver.backlog.entries.values()) this.count(-frame.length);
    receiver.backlog = undefined;
    this.waiting.delete(receiver);
  }

  clear(): void {
    for (const receiver of this.waiting) this.forget(receiver);
    this.owner.socket.off('drain', this.onDrain);
  }

  private dropOldest(backlog: Backlog): void {
    const [key, { offset, frame }] = backlog.entries.entries().next().value!;
    backlog.entries.delete(key);
    if (backlog.droppedFrom === 0) backlog.droppedFrom = offset;
    backlog.droppedTo = offset;
    this.held.droppedTotal++;
    this.count(-frame.length);
  }

  private listen(): void {
    if (this.listening) return;
    this.listening = true;
    this.owner.socket.once('drain', this.onDrain);
  }

  private readonly onDrain = (): void => {
    this.listening = false;
    const { socket } = this.owner;
    socket.cork();
    // One event of each in turn, so that a busy channel does not keep the others waiting.
    while (this.waiting.size > 0 && socket.writableLength < this.slowBytes) {
      for (const receiver of this.waiting) this.writeNext(receiver);
    }
    socket.uncork();
    if (this.waiting.size > 0) this.listen();
  };

  private writeNext(receiver: Receiver): void {
    const { socket } = this.owner;
    const backlog = receiver.backlog!;
    if (backlog.droppedFrom > 0) {
      socket.write(receiver.gapFrame(backlog.droppedFrom, backlog.droppedTo));
      backlog.droppedFrom = 0;
    }
    const next = backlog.entries.entries().next().value;
    if (next !== undefined) {
      const [key, { frame }] = next;
      backlog.entries.delete(key);
      this.count(-frame.length);
      socket.write(frame);
    }
    if (backlog.entries.size > 0) return;
    receiver.backlog = undefined;
    this.waiting.delete(receiver);
    const rest = receiver.afterBacklog();
    if (rest !== undefined) socket.write(rest);
  }

  private count(change: number): void {
    this.bytes += change;
    this.held.bytes += change;
  }
}
