/**
 * Everything of one server that lives as long as its connections: who is connected, which channels
 * there are, and what comes from other processes.
 */
import { type Correlated, type Propagator, ProblemError } from '@org/core';

import { Channel, type Surroundings } from './channel.ts';
import { channelTable, type FindChannel, type Found } from './channel-table.ts';
import type { Connection } from './connection.ts';
import type { WebsocketEvents } from './events.ts';
import { Heartbeat } from './heartbeat.ts';
import { CLOSE } from './protocol.ts';
import type { WebsocketOptions } from './options.ts';
import type { Held } from './outbox.ts';
import { Relay } from './relay.ts';
import { Subscription } from './subscription.ts';
import { Totals } from './totals.ts';

export class Hub {
  readonly connections: Set<Connection> = new Set();
  readonly channels: Map<string, Channel> = new Map();
  readonly find: FindChannel;
  readonly held: Held = { bytes: 0, droppedTotal: 0, conflatedTotal: 0 };
  readonly totals: Totals = new Totals();
  readonly relay: Relay | undefined;
  /** Writes correlations into events, where the whole has somebody who can. */
  propagator: Propagator | undefined = undefined;
  historyBytes: number = 0;
  private readonly options: Readonly<WebsocketOptions>;
  private readonly events: WebsocketEvents;
  private readonly heartbeat: Heartbeat;
  /** Those whose credentials end. */
  private readonly expiring: Set<Connection> = new Set();
  /** Channels with a history, the longest-kept first. */
  private readonly remembering: Set<Channel> = new Set();
  /** Channels that nobody listens to, and that may be forgotten. */
  private readonly idle: Set<Channel> = new Set();
  private readonly dirty: Set<Channel> = new Set();
  private readonly around: Surroundings;
  private onEmpty: () => void = () => undefined;
  private flushing: NodeJS.Immediate | undefined = undefined;

  constructor(options: Readonly<WebsocketOptions>, events: WebsocketEvents) {
    const { bus, clock } = options;
    this.options = options;
    this.events = events;
    this.find = channelTable(options.channels);
    this.heartbeat = new Heartbeat(options.heartbeatMs, (connection) => this.bury(connection));
    this.around = {
      nowMs: () => clock.monotonicMs(),
      flushLater: (channel) => this.flushLater(channel),
      onSent: (count) => void (this.totals.sentTotal += count),
      onHistoryBytes: (channel, change) => this.onHistoryBytes(channel, change),
      membersElsewhere: (name) => this.relay?.membersOf(name) ?? [],
      tellMembers: (name, join, leave) => this.relay?.tellMembers(name, join, leave),
      maxMembers: options.maxMembers,
    };
    if (bus === undefined) return;
    this.relay = new Relay(
      { bus, busChannel: options.busChannel, announceMs: options.announceMs, clock },
      {
        onEvent: (name, json, carrier) => this.deliver(name, json, carrier, () => parse(json)),
        onMembers: (name, join, leave) => this.moveMembers(name, join, leave),
        onDisconnect: (principal) => void this.endAll(principal),
        onGap: () => this.breakOff(),
        members: () => this.membersHere(),
      },
    );
  }

  /** Sends an event to a channel, here and everywhere. @throws TypeError for data that JSON cannot express */
  publish(name: string, data: unknown, from?: Correlated): void {
    const found = this.find(name);
    if (found === undefined) throw unknownChannel(name);
    const json = JSON.stringify(data) ?? 'null';
    const { propagator } = this;
    const carrier =
      found.kind.carries && propagator !== undefined
        ? JSON.stringify(propagator.inject({}, from))
        : undefined;
    this.totals.publishedTotal++;
    this.deliver(name, json, carrier, () => data, found);
    this.relay?.event(name, json, carrier);
  }

  /** The channel of a name, made where there is none; nothing where there are too many. */
  open(name: string, found: Found): Channel | undefined {
    const known = this.channels.get(name);
    if (known !== undefined) return known;
    if (this.channels.size >= this.options.maxChannels) {
      // What nobody listens to makes room: whoever comes back to it is told that it is another life.
      const [longestIdle] = this.idle;
      if (longestIdle === undefined) return undefined;
      this.forget(longestIdle);
    }
    const made = new Channel(name, found.kind, found.params, this.around);
    this.channels.set(name, made);
    this.idle.add(made);
    return made;
  }

  subscribe(connection: Connection, channel: Channel): void {
    const subscription = new Subscription(connection, channel);
    connection.subscriptions.set(channel.name, subscription);
    channel.add(subscription, connection.memberName);
    this.idle.delete(channel);
    this.totals.subscriptions++;
  }

  /** Says whether there was a subscription. */
  unsubscribe(connection: Connection, name: string): boolean {
    const subscription = connection.subscriptions.get(name);
    if (subscription === undefined) return false;
    const { channel } = subscription;
    connection.subscriptions.delete(name);
    connection.outbox.forget(subscription);
    channel.remove(subscription, connection.memberName);
    if (channel.subscribers.size === 0) this.idle.add(channel);
    this.totals.subscriptions--;
    return true;
  }

  admit(connection: Connection): void {
    this.connections.add(connection);
    this.heartbeat.add(connection);
    this.watchExpiry(connection);
    this.totals.openedTotal++;
  }

  dismiss(connection: Connection): void {
    if (!this.connections.delete(connection)) return;
    for (const name of connection.subscriptions.keys()) this.unsubscribe(connection, name);
    connection.outbox.clear();
    this.heartbeat.remove(connection);
    this.expiring.delete(connection);
    this.totals.closedTotal++;
    if (this.connections.size === 0) this.onEmpty();
  }

  /** Keeps an eye on the end of its credentials, if they have one. */
  watchExpiry(connection: Connection): void {
    if (connection.expiresAt === undefined) this.expiring.delete(connection);
    else this.expiring.add(connection);
  }

  /** Ends every connection of a principal, here and everywhere. Answers how many there were here. */
  disconnect(principal: string): number {
    this.relay?.disconnect(principal);
    return this.endAll(principal);
  }

  /** Resolves when nobody is connected. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      this.onEmpty = resolve;
      if (this.connections.size === 0) resolve();
    });
  }

  /** What has to happen from time to time, however many there are of anything. */
  step(): void {
    this.heartbeat.step();
    const now = this.options.clock.now();
    for (const connection of this.expiring) this.lookAtExpiry(connection, now);
    this.forgetIdle();
    if (this.waitingBytes() > this.options.maxTotalBufferedBytes) this.shed();
    this.relay?.step();
  }

  /** Sends what has come together, now. */
  flush(): void {
    clearImmediate(this.flushing);
    this.flushing = undefined;
    for (const channel of this.dirty) {
      this.dirty.delete(channel);
      channel.flush();
    }
    if (this.held.bytes > this.options.maxTotalBufferedBytes) this.shed();
  }

  /** Bytes that wait: in outboxes, and in sockets. */
  bufferedBytes(): number {
    let bytes = this.held.bytes;
    for (const { socket } of this.connections) bytes += socket.writableLength;
    return bytes;
  }

  private deliver(
    name: string,
    json: string,
    carrier: string | undefined,
    value: () => unknown,
    found: Found | undefined = this.find(name),
  ): void {
    // Nobody here listens, and nobody may come back for it: there is no channel to send it to.
    if (found === undefined) return;
    const channel =
      found.kind.history === undefined ? this.channels.get(name) : this.open(name, found);
    channel?.publish(json, carrier, value);
  }

  private flushLater(channel: Channel): void {
    this.dirty.add(channel);
    this.flushing ??= setImmediate(() => this.flush());
  }

  private onHistoryBytes(channel: Channel, change: number): void {
    this.historyBytes += change;
    if (change <= 0) {
      if (channel.historySize === 0) this.remembering.delete(channel);
      return;
    }
    this.remembering.add(channel);
    for (const oldest of this.remembering) {
      if (this.historyBytes <= this.options.maxHistoryBytes) return;
      oldest.forgetHistory();
    }
  }

  private forgetIdle(): void {
    for (const channel of this.idle) {
      if (channel.isForgettable()) this.forget(channel);
    }
  }

  private forget(channel: Channel): void {
    channel.forgetHistory();
    this.idle.delete(channel);
    this.channels.delete(channel.name);
  }

  /** What waits for all who are not on their way out: answers and what was missed wait in sockets. */
  private waitingBytes(): number {
    let bytes = 0;
    for (const one of this.connections) if (one.isOpen) bytes += one.outbox.waitingBytes;
    return bytes;
  }

  /** Ends those who hold the most, until the rest is within bounds. */
  private shed(): void {
    const slowest = [...this.connections]
      .filter((one) => one.isOpen && one.outbox.waitingBytes > 0)
      .toSorted((one, other) => other.outbox.waitingBytes - one.outbox.waitingBytes);
    let bytes = this.waitingBytes();
    for (const connection of slowest) {
      if (bytes <= this.options.maxTotalBufferedBytes) return;
      bytes -= connection.outbox.waitingBytes;
      connection.endSlow('all connections together hold too much');
    }
  }

  private lookAtExpiry(connection: Connection, now: number): void {
    // It has been told to go, and is on its way.
    if (!connection.isOpen) return;
    const leftMs = connection.expiresAt! - now;
    const { expiryGraceMs } = this.options;
    if (leftMs <= -expiryGraceMs) {
      this.totals.expiredTotal++;
      connection.close(CLOSE.expired, 'the credentials have expired');
    } else if (leftMs <= 0 && !connection.warned) {
      connection.warned = true;
      connection.send({ type: 'expiring', inMs: expiryGraceMs + leftMs });
    }
  }

  private bury(connection: Connection): void {
    this.totals.deadTotal++;
    if (this.events.listening) this.events.tell({ type: 'dead', member: connection });
    connection.terminate();
  }

  private endAll(principal: string): number {
    let ended = 0;
    for (const connection of this.connections) {
      if (connection.principal !== principal) continue;
      connection.close(CLOSE.ended, 'disconnected');
      ended++;
    }
    return ended;
  }

  private moveMembers(name: string, join: Iterable<string>, leave: Iterable<string>): void {
    const channel = this.channels.get(name);
    if (channel === undefined) return;
    for (const member of join) channel.holdMember(member);
    for (const member of leave) channel.releaseMember(member);
  }

  private *membersHere(): Generator<readonly [string, readonly string[]]> {
    for (const { name, membersHere } of this.channels.values()) {
      if (membersHere.length > 0) yield [name, membersHere];
    }
  }

  private breakOff(): void {
    if (this.events.listening) this.events.tell({ type: 'gap' });
    for (const channel of this.channels.values()) channel.breakOff();
  }
}

/** The refusal of a channel that no pattern of `channels` has. */
export function unknownChannel(name: string): ProblemError {
  return new ProblemError({
    code: 'ERR_CHANNEL_UNKNOWN',
    status: 404,
    detail: `There is no channel "${name}".`,
  });
}

function parse(json: string): unknown {
  return JSON.parse(json);
}
