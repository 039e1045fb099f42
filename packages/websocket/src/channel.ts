/**
 * One channel: who listens, where it is, and what it has sent lately. An event is made into its
 * frame once; the frames of one turn of the event loop go out together, so that a burst costs each
 * socket one write.
 */
import { randomUUID } from 'node:crypto';
import { callHook } from '@org/core';

import type { ChannelKind, ChannelParams } from './channel-options.ts';
import type { Entry } from './entry.ts';
import { messageFrame, textFrame } from './frame.ts';
import { History } from './history.ts';
import { Presence } from './presence.ts';
import type { Position } from './protocol.ts';
import type { Subscription } from './subscription.ts';

/** Frames are put together up to so many bytes; beyond it each socket is asked again whether it still takes them. */
const MAX_WRITE_BYTES = 64 * 1024;

/** Bytes that may wait for the end of the turn; a publisher that does not pause is served at once. */
const MAX_PENDING_BYTES = 1024 * 1024;

/** What a channel needs of those around it. */
export interface Surroundings {
  nowMs(): number;
  /** Has `channel.flush()` called at the end of this turn. */
  flushLater(channel: Channel): void;
  /** How many events were handed to sockets or their outboxes. */
  onSent(count: number): void;
  /** How the bytes of a history have changed. */
  onHistoryBytes(channel: Channel, change: number): void;
  /** Members who hold on to this channel elsewhere. */
  membersElsewhere(channel: string): Iterable<string>;
  /** Tells other processes who came and left here. */
  tellMembers(channel: string, join: readonly string[], leave: readonly string[]): void;
  readonly maxMembers: number;
}

export class Channel {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly params: ChannelParams;
  readonly subscribers: Set<Subscription> = new Set();
  /** Names this life of the channel: offsets of another say nothing about this one. */
  epoch: string = newEpoch();
  /** The last event's. */
  offset: number = 0;
  /** Events handed to sockets or their outboxes, over all subscribers. */
  sentTotal: number = 0;
  private readonly around: Surroundings;
  private readonly history: History | undefined;
  private readonly everybody: Presence | undefined;
  private readonly ours: Presence | undefined;
  /** What an event's message begins with, up to the offset. */
  private readonly prefix: string;
  private pending: Entry[] = [];
  private pendingBytes: number = 0;
  /** Who came (true) or left since the last flush: for those who listen, and for other processes. */
  private readonly moved: Map<string, boolean> = new Map();
  private readonly movedHere: Map<string, boolean> = new Map();

  constructor(name: string, kind: ChannelKind, params: ChannelParams, around: Surroundings) {
    this.name = name;
    this.kind = kind;
    this.params = params;
    this.around = around;
    this.prefix = `{"type":"event","channel":${JSON.stringify(name)},"offset":`;
    if (kind.history !== undefined) {
      this.history = new History(kind.history, (change) => around.onHistoryBytes(this, change));
    }
    if (!kind.hasPresence) return;
    this.everybody = new Presence(around.maxMembers);
    this.ours = new Presence(around.maxMembers);
    for (const member of around.membersElsewhere(name)) this.everybody.hold(member);
  }

  /** Who is there, here and elsewhere. */
  get members(): string[] {
    return this.everybody?.members ?? [];
  }

  /** Who is there by a connection of this process. */
  get membersHere(): string[] {
    return this.ours?.members ?? [];
  }

  get historySize(): number {
    return this.history?.size ?? 0;
  }

  /**
   * Sends an event. `json` is its data as text, and `carrier` too; `value` finds the data, for a
   * kind that conflates by it.
   */
  publish(json: string, carrier: string | undefined, value: () => unknown): void {
    this.offset++;
    if (this.subscribers.size === 0 && this.history === undefined) return;
    const rest = carrier === undefined ? '}' : `,"carrier":${carrier}}`;
    const entry: Entry = {
      offset: this.offset,
      frame: textFrame(`${this.prefix}${this.offset},"data":${json}${rest}`),
      key: this.keyOf(value),
    };
    this.history?.add(entry, this.around.nowMs());
    if (this.subscribers.size === 0) return;
    this.pending.push(entry);
    this.pendingBytes += entry.frame.length;
    if (this.pendingBytes > MAX_PENDING_BYTES) this.flush();
    else this.around.flushLater(this);
  }

  /** Hands what has come together to everybody who listens. */
  flush(): void {
    if (this.pending.length > 0) this.flushEvents();
    if (this.moved.size > 0) this.flushMembers();
    if (this.movedHere.size > 0) {
      const { join, leave } = taken(this.movedHere);
      this.around.tellMembers(this.name, join, leave);
    }
  }

  /** What somebody who was at `position` has missed; nothing where that is not complete. */
  since({ epoch, offset }: Position): readonly Entry[] | undefined {
    if (epoch !== this.epoch) return undefined;
    if (offset === this.offset) return [];
    return this.history?.since(offset, this.offset, this.around.nowMs());
  }

  /** Adds a listener, who gets what comes from now on. */
  add(subscription: Subscription, member: string): void {
    this.subscribers.add(subscription);
    if (this.ours?.hold(member) !== true) return;
    move(this.movedHere, member, true);
    this.holdMember(member);
  }

  remove(subscription: Subscription, member: string): void {
    if (!this.subscribers.delete(subscription)) return;
    if (this.ours?.release(member) !== true) return;
    move(this.movedHere, member, false);
    this.releaseMember(member);
  }

  /** Another process has a member here. */
  holdMember(member: string): void {
    if (this.everybody?.hold(member) === true) move(this.moved, member, true);
    this.around.flushLater(this);
  }

  releaseMember(member: string): void {
    if (this.everybody?.release(member) === true) move(this.moved, member, false);
    this.around.flushLater(this);
  }

  /** Events of another process never came: positions from before are worth nothing, and everybody is told. */
  breakOff(): void {
    this.flush();
    this.epoch = newEpoch();
    this.history?.clear();
    const { name, epoch } = this;
    const frame = messageFrame({ type: 'gap', channel: name, reason: 'bus', epoch });
    for (const { connection } of this.subscribers) connection.write(frame);
  }

  /** Forgets what is too old. Says whether there is nothing left that would be missed. */
  isForgettable(): boolean {
    this.history?.expire(this.around.nowMs());
    return this.subscribers.size === 0 && this.historySize === 0;
  }

  forgetHistory(): void {
    this.history?.clear();
  }

  private flushEvents(): void {
    const entries = this.pending;
    this.pending = [];
    this.pendingBytes = 0;
    const sent = entries.length * this.subscribers.size;
    this.sentTotal += sent;
    this.around.onSent(sent);
    if (entries.length === 1) {
      const { frame } = entries[0]!;
      for (const subscription of this.subscribers) subscription.send(entries, frame);
      return;
    }
    for (const group of groups(entries)) {
      const bytes = Buffer.concat(group.map(({ frame }) => frame));
      for (const subscription of this.subscribers) subscription.send(group, bytes);
    }
  }

  private flushMembers(): void {
    const { join, leave } = taken(this.moved);
    const frame = messageFrame({
      type: 'presence',
      channel: this.name,
      join: join.length > 0 ? join : undefined,
      leave: leave.length > 0 ? leave : undefined,
    });
    for (const subscription of this.subscribers) subscription.sendPresence(frame);
  }

  private keyOf(value: () => unknown): string | undefined {
    const { key } = this.kind;
    if (key === undefined) return undefined;
    // Without a key of its own an event replaces no other.
    const found = callHook(() => key(value()), `websocket channel ${this.kind.pattern} key`);
    return typeof found === 'string' ? found : undefined;
  }
}

function newEpoch(): string {
  return randomUUID().slice(0, 13);
}

/** Who came and left within a turn was never there. */
function move(moved: Map<string, boolean>, member: string, joined: boolean): void {
  if (moved.get(member) === !joined) moved.delete(member);
  else moved.set(member, joined);
}

function taken(moved: Map<string, boolean>): { join: string[]; leave: string[] } {
  const join: string[] = [];
  const leave: string[] = [];
  for (const [member, joined] of moved) (joined ? join : leave).push(member);
  moved.clear();
  return { join, leave };
}

function* groups(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let group: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (group.length > 0 && bytes + entry.frame.length > MAX_WRITE_BYTES) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(entry);
    bytes += entry.frame.length;
  }
  yield group;
}
