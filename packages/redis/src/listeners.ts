/** Who listens to the messages of channels in this process. */
import { type BusMessage, report } from '@org/core';

export type BusListener = (message: BusMessage) => void;

export class ChannelListeners {
  private readonly channels: Map<string, Set<BusListener>> = new Map();

  get size(): number {
    return this.channels.size;
  }

  /** Says whether it is the first of its channel. */
  add(channel: string, listener: BusListener): boolean {
    const listeners = this.channels.get(channel);
    if (listeners === undefined) this.channels.set(channel, new Set([listener]));
    else listeners.add(listener);
    return listeners === undefined;
  }

  /** Says whether it was the last of its channel. */
  remove(channel: string, listener: BusListener): boolean {
    const listeners = this.channels.get(channel);
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return false;
    return this.channels.delete(channel);
  }

  /** A listener that throws is reported, and the others hear the message all the same. */
  tell(channel: string, message: BusMessage): void {
    for (const listener of this.channels.get(channel) ?? []) {
      try {
        listener(message);
      } catch (error) {
        report(error, `bus listener of ${channel}`);
      }
    }
  }

  clear(): void {
    this.channels.clear();
  }
}
