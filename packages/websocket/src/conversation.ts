/**
 * What clients say, and what they are answered. Messages of one connection are worked on one after
 * the other, in the order in which they came, also where a decision takes time: an `unsubscribe` can
 * not pass the `subscribe` before it. Whatever is wrong with one is its answer, and ends nothing.
 */
import type { Correlated, MaybePromise } from '@org/core';

import type { Channel } from './channel.ts';
import type { ChannelAction } from './channel-options.ts';
import type { Found } from './channel-table.ts';
import type { Connection } from './connection.ts';
import { type Hub, unknownChannel } from './hub.ts';
import { hasExpired, isIdentity } from './member.ts';
import { refusal, told, validate } from './message-refusal.ts';
import type { WebsocketOptions } from './options.ts';
import {
  type ClientMessage,
  CLOSE,
  idOf,
  type Issue,
  type Position,
  readClientMessage,
} from './protocol.ts';
import { chain } from './chain.ts';

/** Messages that may wait for the one before them; then the client is not read any further. */
const PAUSE_AT = 16;

type MessageOf<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>;

export class Conversation {
  private readonly hub: Hub;
  private readonly options: Readonly<WebsocketOptions>;

  constructor(hub: Hub, options: Readonly<WebsocketOptions>) {
    this.hub = hub;
    this.options = options;
  }

  /** Takes what a client has sent. Never throws. */
  receive(connection: Connection, data: Buffer, isBinary: boolean): void {
    const { totals } = this.hub;
    totals.receivedTotal++;
    connection.heard = true;
    if (!connection.isOpen) return;
    if (isBinary) {
      connection.close(CLOSE.unsupported, 'messages are text');
      return;
    }
    if (!this.admits(connection, data)) return;
    const message = readClientMessage(data.toString());
    if (typeof message === 'string') {
      this.reject(connection, idOf(data.toString()), 'ERR_MESSAGE_INVALID', message);
      return;
    }
    const { inbox } = connection;
    if (inbox === undefined) {
      this.work(connection, message);
      return;
    }
    inbox.push(message);
    if (inbox.length >= PAUSE_AT) connection.pause();
  }

  /** Takes a ping, which costs an answer too. */
  receivePing(connection: Connection, payload: Buffer): void {
    connection.heard = true;
    const verdict = connection.rate.take(this.options.clock.monotonicMs());
    if (verdict === 'admitted') connection.pong(payload);
    else if (verdict === 'abusive') connection.close(CLOSE.policy, 'too many pings');
  }

  private admits(connection: Connection, data: Buffer): boolean {
    const nowMs = this.options.clock.monotonicMs();
    const verdict = connection.rate.take(nowMs);
    if (verdict === 'admitted') return true;
    if (verdict === 'abusive') {
      connection.close(CLOSE.policy, 'too many messages');
      return false;
    }
    const retryInMs = connection.rate.waitMs(nowMs);
    const detail = `At most ${this.options.maxMessagesPerSecond} messages a second are read.`;
    this.reject(connection, idOf(data.toString()), 'ERR_MESSAGE_RATE', detail, { retryInMs });
    return false;
  }

  /** Answers a message, and those that have come meanwhile. */
  private work(connection: Connection, first: ClientMessage): void {
    let message: ClientMessage | undefined = first;
    while (message !== undefined && connection.isOpen) {
      const answered = this.answer(connection, message);
      if (answered !== undefined) {
        connection.inbox ??= [];
        void answered.then(() => this.resume(connection));
        return;
      }
      message = connection.inbox?.shift();
    }
    connection.inbox = undefined;
    connection.resume();
  }

  private resume(connection: Connection): void {
    const next = connection.inbox!.shift();
    if (connection.inbox!.length < PAUSE_AT) connection.resume();
    if (next !== undefined) this.work(connection, next);
    else connection.inbox = undefined;
  }

  /** Never throws, and never rejects. */
  private answer(connection: Connection, message: ClientMessage): Promise<void> | undefined {
    try {
      const answered = this.act(connection, message);
      if (!(answered instanceof Promise)) return undefined;
      return answered.catch((error: unknown) => this.fail(connection, message, error));
    } catch (error) {
      this.fail(connection, message, error);
      return undefined;
    }
  }

  private act(connection: Connection, message: ClientMessage): MaybePromise<void> {
    switch (message.type) {
      case 'ping':
        connection.send({ type: 'ack', id: message.id });
        return undefined;
      case 'subscribe':
        return this.subscribe(connection, message);
      case 'unsubscribe':
        this.hub.unsubscribe(connection, message.channel);
        connection.send({ type: 'ack', id: message.id });
        return undefined;
      case 'publish':
        return this.publish(connection, message);
      case 'auth':
        return this.renew(connection, message);
    }
  }

  private subscribe(connection: Connection, message: MessageOf<'subscribe'>): MaybePromise<void> {
    const { channel } = message;
    const found = this.found(channel);
    const { maxSubscriptions } = this.options;
    const isNew = !connection.subscriptions.has(channel);
    if (isNew && connection.subscriptions.size >= maxSubscriptions) {
      throw refusal(
        429,
        'ERR_SUBSCRIPTIONS_FULL',
        `A connection may listen to ${maxSubscriptions} channels at a time.`,
      );
    }
    return chain(this.authorise(connection, found, channel, 'subscribe'), () =>
      this.join(connection, message, found),
    );
  }

  private join(
    connection: Connection,
    { id, channel: name, since }: MessageOf<'subscribe'>,
    found: Found,
  ): void {
    if (!connection.isOpen) return;
    const channel = this.hub.open(name, found);
    if (channel === undefined) {
      throw refusal(503, 'ERR_CHANNELS_FULL', 'There are too many channels; try again later.');
    }
    // What has been published in this turn belongs to those who listened already.
    channel.flush();
    this.hub.unsubscribe(connection, name);
    const missed = since === undefined ? undefined : this.missed(channel, since);
    this.hub.subscribe(connection, channel);
    const { epoch, offset } = channel;
    connection.send({
      type: 'ack',
      id,
      epoch,
      offset,
      recovered: since === undefined ? undefined : missed !== undefined,
      members: found.kind.hasPresence ? channel.members : undefined,
    });
    if (since === undefined) return;
    if (missed === undefined) {
      this.hub.totals.unrecoveredTotal++;
      return;
    }
    this.hub.totals.recoveredTotal++;
    // Not by way of the policy for slow readers, which might leave some of it out.
    if (missed.length > 0) connection.write(missed);
  }

  /** What somebody missed, as bytes; nothing where it is not complete, or more than may wait. */
  private missed(channel: Channel, since: Position): Buffer | undefined {
    const entries = channel.since(since);
    if (entries === undefined) return undefined;
    const bytes = Buffer.concat(entries.map(({ frame }) => frame));
    return bytes.length <= this.options.maxBufferedBytes ? bytes : undefined;
  }

  private publish(connection: Connection, message: MessageOf<'publish'>): MaybePromise<void> {
    const { channel, carrier } = message;
    const found = this.found(channel);
    if (!found.kind.mayPublish) {
      throw refusal(
        403,
        'ERR_CHANNEL_READ_ONLY',
        `Nobody but the server publishes on "${channel}".`,
      );
    }
    const { propagator } = this.hub;
    if (propagator === undefined) return this.publishFor(connection, message, found, connection);
    // A stranger's word is taken only where the channel asks for it.
    const isTaken = carrier !== undefined && found.kind.carries;
    const from: Correlated = isTaken ? propagator.extract(carrier) : connection;
    const task = (): MaybePromise<void> => this.publishFor(connection, message, found, from);
    return propagator.carries ? propagator.run(from, task) : task();
  }

  private publishFor(
    connection: Connection,
    { id, channel, data }: MessageOf<'publish'>,
    found: Found,
    from: Correlated,
  ): MaybePromise<void> {
    const { kind, params } = found;
    const authorised = this.authorise(connection, found, channel, 'publish');
    const valid = chain(authorised, () => validate(kind.schema, data));
    const handled = chain(valid, (value) => {
      const answer = kind.onPublish?.({ channel, params, data: value }, connection);
      return chain(answer, (given) => (given === undefined ? value : given));
    });
    return chain(handled, (value) => {
      if (value !== false) this.hub.publish(channel, value, from);
      connection.send({ type: 'ack', id });
    });
  }

  private renew(connection: Connection, { id, token }: MessageOf<'auth'>): MaybePromise<void> {
    const { reauthenticate } = this.options;
    if (reauthenticate === undefined) {
      throw refusal(
        400,
        'ERR_AUTH_UNSUPPORTED',
        'Credentials cannot be renewed here; connect anew.',
      );
    }
    return chain(reauthenticate(token, connection), (identity) => {
      if (!isIdentity(identity) || hasExpired(identity, this.options.clock.now())) {
        throw refusal(401, 'ERR_UNAUTHENTICATED', 'The token is not valid.');
      }
      if (identity.principal !== connection.principal) {
        throw refusal(403, 'ERR_OTHER_PRINCIPAL', 'The token is somebody else’s; connect anew.');
      }
      connection.renew(identity);
      this.hub.watchExpiry(connection);
      connection.send({ type: 'ack', id, expiresAt: identity.expiresAt });
      return this.reconsider(connection);
    });
  }

  /** New credentials may allow less: whatever they do not is taken away. */
  private async reconsider(connection: Connection): Promise<void> {
    for (const name of connection.subscriptions.keys()) {
      try {
        await this.authorise(connection, this.found(name), name, 'subscribe');
      } catch (error) {
        this.hub.unsubscribe(connection, name);
        const { code, detail } = told(error);
        connection.send({ type: 'unsubscribed', channel: name, code, detail });
      }
    }
  }

  /** @throws ProblemError for a channel that there is not */
  private found(name: string): Found {
    const found = this.hub.find(name);
    if (found === undefined) throw unknownChannel(name);
    return found;
  }

  /** Throws, or rejects, where it is not allowed. */
  private authorise(
    connection: Connection,
    { kind, params }: Found,
    channel: string,
    action: ChannelAction,
  ): MaybePromise<void> {
    if (kind.authorise === undefined) return undefined;
    return chain(kind.authorise(connection, params, action), (allowed: unknown) => {
      if (allowed === true) return;
      throw refusal(403, 'ERR_CHANNEL_FORBIDDEN', `You may not ${action} on "${channel}".`);
    });
  }

  private fail(connection: Connection, { id }: ClientMessage, error: unknown): void {
    const { code, detail, issues } = told(error);
    this.reject(connection, id, code, detail, { issues });
  }

  private reject(
    connection: Connection,
    id: number | undefined,
    code: string,
    detail: string,
    more: { readonly retryInMs?: number; readonly issues?: readonly Issue[] | undefined } = {},
  ): void {
    this.hub.totals.rejectedTotal++;
    connection.send({ type: 'error', id, code, detail, ...more });
  }
}
