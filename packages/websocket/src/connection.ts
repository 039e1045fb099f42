/**
 * One client: who it is, what it listens to, and what it is sent. Events go past the library
 * straight to the socket, as frames that are made already; everything else of the protocol of
 * WebSockets (reading, masking, fragments, closing) is the library's.
 */
import type { Socket } from 'node:net';
import type { Correlated, TraceContext } from '@org/core';
import type { WebSocket } from 'ws';

import { messageFrame } from './frame.ts';
import type { Identity, Member } from './member.ts';
import { MessageRate } from './message-rate.ts';
import { type Held, Outbox, type Owner } from './outbox.ts';
import { type ClientMessage, CLOSE, type ServerMessage } from './protocol.ts';
import type { Subscription } from './subscription.ts';

/** A ping without payload (RFC 6455 §5.5.2), the same for everybody. */
const PING: Buffer = Buffer.from([0x89, 0x00]);

/** What a connection is made of. */
export interface ConnectionParts {
  readonly ws: WebSocket;
  readonly socket: Socket;
  /** The request that opened it. */
  readonly from: Correlated;
  readonly identity: Identity;
  readonly address: string;
  readonly openedMs: number;
  readonly maxMessagesPerSecond: number;
  readonly messageBurst: number;
  readonly maxBufferedBytes: number;
  readonly held: Held;
  /** Told once when it is ended because it reads too slowly. */
  onSlow(connection: Connection, why: string): void;
}

export class Connection implements Member, Owner {
  readonly id: string;
  readonly trace: TraceContext | undefined;
  readonly address: string;
  readonly openedMs: number;
  readonly socket: Socket;
  readonly outbox: Outbox;
  readonly rate: MessageRate;
  readonly subscriptions: Map<string, Subscription> = new Map();
  /** Messages that wait until the one before them is answered; present while one is being answered. */
  inbox: ClientMessage[] | undefined = undefined;
  /** Whether anything was heard since the last ping. */
  heard: boolean = true;
  /** Its turn of the heartbeat's wheel. */
  slot: number = 0;
  /** Whether the client was told that its credentials end. */
  warned: boolean = false;
  private identity: Identity;
  private readonly ws: WebSocket;
  private readonly onSlow: ConnectionParts['onSlow'];
  private open: boolean = true;

  constructor(parts: ConnectionParts) {
    const { from, maxBufferedBytes, held } = parts;
    this.id = from.id;
    this.trace = from.trace;
    this.address = parts.address;
    this.openedMs = parts.openedMs;
    this.identity = parts.identity;
    this.ws = parts.ws;
    this.socket = parts.socket;
    this.onSlow = parts.onSlow;
    this.rate = new MessageRate(parts.maxMessagesPerSecond, parts.messageBurst);
    this.outbox = new Outbox(this, maxBufferedBytes, held);
  }

  get principal(): string | undefined {
    return this.identity.principal;
  }

  get expiresAt(): number | undefined {
    return this.identity.expiresAt;
  }

  get data(): unknown {
    return this.identity.data;
  }

  /**
   * What it is called among the members of a channel. An id may be the client's own choice (where
   * its request's was taken over), and must not pass for a principal.
   */
  get memberName(): string {
    return this.identity.principal ?? `connection:${this.id}`;
  }

  /** Whether messages can be sent: false from the first sign of its end. */
  get isOpen(): boolean {
    // 1 is OPEN; the library knows of a close frame of the client before anybody else.
    return this.open && this.ws.readyState === 1;
  }

  /** New credentials of the same principal. */
  renew(identity: Identity): void {
    this.identity = identity;
    this.warned = false;
  }

  send(message: ServerMessage): void {
    this.write(messageFrame(message));
  }

  write(frame: Buffer): void {
    if (this.isOpen) this.outbox.write(frame);
  }

  ping(): void {
    if (this.isOpen) this.socket.write(PING);
  }

  /** Answers a ping of the client's (RFC 6455 §5.5.3); one who does not read gets none. */
  pong(payload: Buffer): void {
    if (this.isOpen && !this.outbox.isSlow) this.ws.pong(payload);
  }

  /** Holds back what the client sends, until `resume`. */
  pause(): void {
    this.ws.pause();
  }

  resume(): void {
    if (this.ws.isPaused) this.ws.resume();
  }

  /** Says that it ends, and why. What waits for it is dropped. */
  close(code: number, reason: string): void {
    if (!this.open) return;
    this.stop();
    this.ws.close(code, reason);
  }

  /** Ends it without a word. */
  terminate(): void {
    this.stop();
    this.ws.terminate();
  }

  endSlow(why: string): void {
    if (!this.open) return;
    this.close(CLOSE.tryLater, why);
    this.onSlow(this, why);
  }

  private stop(): void {
    this.open = false;
    for (const subscription of this.subscriptions.values()) subscription.isOver = true;
    this.outbox.clear();
  }
}
