/** The windows of one batcher: however many batches wait, there is one timer. */
import type { Cancel, Clock } from '@org/core';

/** Something that waits until a point in time. */
export interface Waiter {
  /** In monotonic ms. */
  readonly dueMs: number;
  /** The time has come. */
  leave(): void;
}

/** A timer rounds to whole ms, so that it may ring a little ahead of the time. */
const ROUNDING_MS = 1;

export class WindowTimer {
  private readonly clock: Clock;
  private readonly waiters: Set<Waiter> = new Set();
  private ringsMs: number = Number.POSITIVE_INFINITY;
  private cancel: Cancel | undefined = undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Has `waiter` leave when it is due. Call it again if it is due earlier. */
  add(waiter: Waiter): void {
    this.waiters.add(waiter);
    this.aim(waiter.dueMs);
  }

  /** The timer is left to ring: most often somebody else waits by then. */
  remove(waiter: Waiter): void {
    this.waiters.delete(waiter);
  }

  /** Has everybody leave now, and stops the timer. */
  close(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.ringsMs = Number.POSITIVE_INFINITY;
    for (const waiter of this.waiters) waiter.leave();
    this.waiters.clear();
  }

  private aim(dueMs: number): void {
    if (dueMs >= this.ringsMs) return;
    this.cancel?.();
    this.ringsMs = dueMs;
    const delayMs = Math.max(0, dueMs - this.clock.monotonicMs());
    this.cancel = this.clock.after(delayMs, this.ring);
  }

  private readonly ring = (): void => {
    this.ringsMs = Number.POSITIVE_INFINITY;
    const nowMs = this.clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const waiter of this.waiters) {
      if (waiter.dueMs - nowMs < ROUNDING_MS) {
        this.waiters.delete(waiter);
        waiter.leave();
      } else {
        nextMs = Math.min(nextMs, waiter.dueMs);
      }
    }
    this.aim(nextMs);
  };
}
