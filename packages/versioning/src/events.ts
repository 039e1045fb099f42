/**
 * What versioning tells of itself as it happens: to `onEvent`, and on the diagnostics channel
 * `@org/versioning`. With nobody listening an event is not even made.
 */
import { channel } from 'node:diagnostics_channel';
import { callHook, type Exchange } from '@org/core';

/** Why a request was refused: by what it says of a version, or by what became of that version. */
export type VersionRefusal = 'unknown' | 'invalid' | 'conflict' | 'brownout' | 'gone';

/** Something that happened. */
export type VersioningEvent =
  /** A client has had an answer of a version that ends. */
  | {
      readonly type: 'deprecated';
      readonly version: string;
      /** As in `usage()`; absent where nothing says who it was. */
      readonly consumer: string | undefined;
      readonly exchange: Exchange;
    }
  | { readonly type: 'refused'; readonly reason: VersionRefusal; readonly exchange: Exchange };

/** Hears events. What it throws is reported, and changes nothing. */
export type OnVersioningEvent = (event: VersioningEvent) => void;

/** Name of the diagnostics channel; messages are `VersioningEvent`s. */
export const VERSIONING_CHANNEL = '@org/versioning';

/** Whoever listens to one instance. */
export class Listeners {
  private readonly hook: OnVersioningEvent | undefined;
  private readonly events: ReturnType<typeof channel> = channel(VERSIONING_CHANNEL);

  constructor(hook: OnVersioningEvent | undefined) {
    this.hook = hook;
  }

  /** Whether an event is worth making. */
  get listening(): boolean {
    return this.hook !== undefined || this.events.hasSubscribers;
  }

  tell(event: VersioningEvent): void {
    const { hook } = this;
    if (hook !== undefined) callHook(() => hook(event), 'versioning onEvent', event.exchange);
    if (this.events.hasSubscribers) this.events.publish(event);
  }
}
