/**
 * What becomes of reads, as it happens: to `onEvent`, and on the diagnostics channel
 * `@org/dedup:coalescing`. With nobody listening an event is not even made.
 */
import { type Exchange, Listeners } from '@org/core';

/** What happened to a request. */
export type CoalescingEventType =
  /** It asks the handler, and others may wait for it. */
  | 'led'
  /** It got the answer of another. */
  | 'followed'
  /** Its leader came to nothing, and it asks the handler in its place. */
  | 'promoted'
  /** It waited, and asks the handler for itself: the answer was not for it, or did not come. */
  | 'released'
  /** There was no room to wait. */
  | 'crowded';

/** Something that happened. */
export interface CoalescingEvent {
  readonly type: CoalescingEventType;
  readonly exchange: Exchange;
}

/** Hears events. What it throws is reported, and changes nothing. */
export type OnCoalescingEvent = (event: CoalescingEvent) => void;

/** Name of the diagnostics channel; messages are `CoalescingEvent`s. */
export const COALESCING_CHANNEL = '@org/dedup:coalescing';

/** Counts what happens, and tells whoever listens. */
export class CoalescingEvents {
  private readonly listeners: Listeners<CoalescingEvent>;
  private readonly counts: Record<CoalescingEventType, number> = {
    led: 0,
    followed: 0,
    promoted: 0,
    released: 0,
    crowded: 0,
  };

  constructor(hook: OnCoalescingEvent | undefined) {
    this.listeners = new Listeners(COALESCING_CHANNEL, hook, 'coalescing onEvent');
  }

  tell(type: CoalescingEventType, exchange: Exchange): void {
    this.counts[type]++;
    if (this.listeners.listening) this.listeners.tell({ type, exchange });
  }

  /** How often each has happened. */
  stats(): Readonly<Record<string, number>> {
    const { led, followed, promoted, released, crowded } = this.counts;
    return {
      ledTotal: led,
      followedTotal: followed,
      promotedTotal: promoted,
      releasedTotal: released,
      crowdedTotal: crowded,
    };
  }
}
