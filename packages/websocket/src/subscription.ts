/** One connection's listening to one channel: what it is sent, and what it is told where events were left out. */
import type { Socket } from 'node:net';

import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import type { Entry } from './entry.ts';
import { messageFrame } from './frame.ts';
import type { Backlog, Receiver, SlowPolicy } from './outbox.ts';

export class Subscription implements Receiver {
  readonly connection: Connection;
  readonly channel: Channel;
  readonly policy: SlowPolicy;
  readonly maxQueued: number;
  backlog: Backlog | undefined = undefined;
  /** Its connection is being closed: nothing may follow the close frame (RFC 6455 §5.5.1). */
  isOver: boolean = false;
  private readonly socket: Socket;
  private readonly slowBytes: number;
  private missedPresence: boolean = false;

  constructor(connection: Connection, channel: Channel) {
    this.connection = connection;
    this.channel = channel;
    this.socket = connection.socket;
    this.slowBytes = connection.outbox.slowBytes;
    this.policy = channel.kind.slow;
    this.maxQueued = channel.kind.maxQueued;
  }

  /** Sends events; `bytes` are their frames one after the other, the same for everybody. */
  send(entries: readonly Entry[], bytes: Buffer): void {
    // Most of what a broadcast costs is here: nothing is touched but what the write needs as well.
    if (this.isOver || !this.socket.writable) return;
    if (this.backlog === undefined && this.socket.writableLength < this.slowBytes) {
      this.socket.write(bytes);
      return;
    }
    const { outbox } = this.connection;
    for (const entry of entries) outbox.hold(this, entry);
  }

  /** Tells who came and who left; one that reads slowly gets all of them later instead. */
  sendPresence(frame: Buffer): void {
    if (this.isOver || !this.socket.writable) return;
    if (this.backlog === undefined && this.socket.writableLength < this.slowBytes) {
      this.socket.write(frame);
      return;
    }
    this.missedPresence = true;
    this.connection.outbox.wait(this);
  }

  gapFrame(from: number, to: number): Buffer {
    const { name, epoch } = this.channel;
    return messageFrame({ type: 'gap', channel: name, reason: 'slow', epoch, from, to });
  }

  afterBacklog(): Buffer | undefined {
    if (!this.missedPresence) return undefined;
    this.missedPresence = false;
    const { name, members } = this.channel;
    return messageFrame({ type: 'presence', channel: name, members });
  }
}
