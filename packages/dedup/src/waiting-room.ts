/**
 * Requests that wait for another with the same key: bounded in number and in time, told at once
 * where the other ends in this process, and looking by one timer where it may be in another.
 */
import type { Cancel, Clock, Exchange } from '@org/core';
import { defineStages, type StateKey, stateKey, type Stages } from '@org/core';

/** How often those who wait look whether something has changed elsewhere, in ms. */
const LOOK_EVERY_MS = 200;

/** Why waiting ended: look again (with what is known already); time is over; the client is gone; there was no room. */
export type Waited<News> =
  | { readonly end: 'look'; readonly news: News | undefined }
  | { readonly end: 'late' | 'gone' | 'full' };

interface Waiter<News> {
  readonly untilMs: number;
  readonly end: (waited: Waited<News>) => void;
}

/** Where they wait. `News` is what a wake-up may bring. */
export class WaitingRoom<News> {
  private readonly clock: Clock;
  private readonly maxWaiters: number;
  private readonly waiting: Map<string, Set<Waiter<News>>> = new Map();
  private readonly places: StateKey<() => void> = stateKey<() => void>('waiting');
  private readonly stages: Stages;
  private cancel: Cancel | undefined = undefined;
  private count: number = 0;

  constructor(clock: Clock, maxWaiters: number) {
    this.clock = clock;
    this.maxWaiters = maxWaiters;
    this.stages = defineStages({ done: (exchange) => exchange.getState(this.places)?.() });
  }

  /** How many wait. */
  get size(): number {
    return this.count;
  }

  /** Waits for news of `id` until `untilMs`, in monotonic ms. Never rejects. */
  wait(id: string, untilMs: number, exchange: Exchange): Promise<Waited<News>> | Waited<News> {
    if (exchange.settled) return { end: 'gone' };
    if (untilMs <= this.clock.monotonicMs()) return { end: 'late' };
    if (this.count >= this.maxWaiters) return { end: 'full' };
    return new Promise((resolve) => {
      const waiter: Waiter<News> = {
        untilMs,
        end: (waited) => {
          if (this.remove(id, waiter)) resolve(waited);
        },
      };
      this.add(id, waiter);
      const first = exchange.getState(this.places) === undefined;
      exchange.setState(this.places, () => waiter.end({ end: 'gone' }));
      if (first) exchange.tap(this.stages);
    });
  }

  /** Something has happened to `id`. */
  wake(id: string, news?: News): void {
    const waiters = this.waiting.get(id);
    if (waiters === undefined) return;
    for (const waiter of waiters) waiter.end({ end: 'look', news });
  }

  /** Nobody waits any longer. */
  close(): void {
    for (const waiters of this.waiting.values()) {
      for (const waiter of waiters) waiter.end({ end: 'late' });
    }
  }

  private add(id: string, waiter: Waiter<News>): void {
    const waiters = this.waiting.get(id);
    if (waiters === undefined) this.waiting.set(id, new Set([waiter]));
    else waiters.add(waiter);
    this.count++;
    this.cancel ??= this.clock.every(LOOK_EVERY_MS, () => this.look());
  }

  private remove(id: string, waiter: Waiter<News>): boolean {
    const waiters = this.waiting.get(id);
    if (waiters?.delete(waiter) !== true) return false;
    if (waiters.size === 0) this.waiting.delete(id);
    if (--this.count === 0) {
      this.cancel?.();
      this.cancel = undefined;
    }
    return true;
  }

  /** Of those who wait for one key, one looks; what it finds, it tells the others. */
  private look(): void {
    const nowMs = this.clock.monotonicMs();
    for (const waiters of this.waiting.values()) {
      for (const waiter of waiters) {
        if (waiter.untilMs <= nowMs) waiter.end({ end: 'late' });
      }
      const [first] = waiters;
      first?.end({ end: 'look', news: undefined });
    }
  }
}
