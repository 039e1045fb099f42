/**
 * Whoever listens to what a component tells of itself as it happens: a hook among its options, and
 * the subscribers of its diagnostics channel. With nobody listening an event is not even made.
 */
import { channel } from 'node:diagnostics_channel';

import type { Exchange } from './exchange.ts';
import { callHook } from './report.ts';

/** The listeners of one instance: ask `listening` before an event is made for `tell`. */
export class Listeners<E extends object> {
  private readonly hook: ((event: E) => unknown) | undefined;
  private readonly where: string;
  private readonly events: ReturnType<typeof channel>;

  /**
   * @param name of the diagnostics channel; messages are the events
   * @param hook hears events first; what it throws is reported, and changes nothing
   * @param where it is heard, for that report, such as `cache onEvent`
   */
  constructor(name: string, hook: ((event: E) => unknown) | undefined, where: string) {
    this.events = channel(name);
    this.hook = hook;
    this.where = where;
  }

  /** Whether an event is worth making. */
  get listening(): boolean {
    return this.hook !== undefined || this.events.hasSubscribers;
  }

  tell(event: E): void {
    const { hook } = this;
    if (hook !== undefined) {
      const { exchange } = event as { readonly exchange?: Exchange };
      callHook(() => hook(event), this.where, exchange);
    }
    if (this.events.hasSubscribers) this.events.publish(event);
  }
}
