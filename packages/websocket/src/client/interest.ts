/** A channel that a client listens to: who wants it, where it was, and who is there. */
import type { Position, ServerMessage } from '../protocol.ts';
import { type Gap, type Listener, LiveError } from './types.ts';

type MessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

export class Interest {
  readonly channel: string;
  readonly listeners: Set<Listener<unknown>> = new Set();
  /** The last event that has come; absent until the server has told where the channel is. */
  position: Position | undefined = undefined;
  private members: Set<string> | undefined = undefined;

  constructor(channel: string) {
    this.channel = channel;
  }

  onAck({ epoch, offset, recovered, members }: MessageOf<'ack'>): void {
    const isFirst = this.position === undefined;
    // What was missed follows, and moves the position with it.
    if (recovered !== true) this.position = { epoch: epoch!, offset: offset! };
    if (recovered === false) this.tellGap({ reason: 'break' });
    if (members !== undefined) this.setMembers(members);
    if (isFirst) for (const listener of this.listeners) listener.onReady?.();
  }

  onEvent({ data, offset, carrier }: MessageOf<'event'>): void {
    if (this.position !== undefined) this.position = { epoch: this.position.epoch, offset };
    const info = { channel: this.channel, offset, carrier };
    for (const listener of this.listeners) listener.onEvent(data, info);
  }

  onGap({ epoch, reason, from, to }: MessageOf<'gap'>): void {
    this.position = { epoch, offset: to ?? this.position?.offset ?? 0 };
    this.tellGap({ reason, from, to });
  }

  onPresence({ join = [], leave = [], members }: MessageOf<'presence'>): void {
    const now = new Set(members ?? this.members);
    for (const member of join) now.add(member);
    for (const member of leave) now.delete(member);
    this.setMembers(now);
  }

  onError(code: string, detail: string): void {
    const error = new LiveError(code, detail);
    for (const { onError } of this.listeners) onError?.(error);
  }

  /** Tells one who comes later what is known. */
  greet(listener: Listener<unknown>): void {
    if (this.position !== undefined) listener.onReady?.();
    if (this.members !== undefined) listener.onPresence?.([...this.members]);
  }

  private tellGap(gap: Gap): void {
    for (const listener of this.listeners) listener.onGap?.(gap);
  }

  private setMembers(members: Iterable<string>): void {
    this.members = new Set(members);
    for (const listener of this.listeners) listener.onPresence?.([...this.members]);
  }
}
