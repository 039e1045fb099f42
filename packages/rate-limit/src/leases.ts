/**
 * Units that a process takes from a shared counter ahead of their use: a client that asks again
 * within a second costs one call for many requests. What is leased counts as taken for everybody
 * else, so that no more is ever admitted than without leases; what is not used within that second
 * goes back. Until then it lies idle: that is the price.
 */
import type { Clock, Count, MaybePromise } from '@org/core';

import type { StoreGuard } from './store-guard.ts';

/** How long units may lie idle, in ms. */
const LEASE_MS = 1000;

interface Lease {
  /** What the counter stood at when the last unit that was used had been added. */
  value: number;
  /** Units that may still be used. */
  left: number;
  readonly untilMs: number;
  /** When the counter begins anew. */
  readonly resetAtMs: number;
  readonly windowMs: number;
}

export class Leases {
  private readonly guard: Pick<StoreGuard, 'add'>;
  private readonly maxKeys: number;
  private readonly clock: Clock;
  /** Those of the last second, the oldest first. */
  private readonly leases: Map<string, Lease> = new Map();
  /** Calls for a lease that are under way: whoever comes meanwhile waits for it. */
  private readonly asking: Map<string, Promise<boolean>> = new Map();

  constructor(guard: Pick<StoreGuard, 'add'>, maxKeys: number, clock: Clock) {
    this.guard = guard;
    this.maxKeys = maxKeys;
    this.clock = clock;
  }

  /**
   * Adds to a counter as the guard does, or uses what is leased of it.
   * @param ahead units that may be taken at once from a counter that is in demand
   */
  add(
    key: string,
    amount: number,
    windowMs: number,
    ahead: number,
  ): MaybePromise<Count | undefined> {
    if (ahead <= 1) return this.guard.add(key, amount, windowMs);
    const nowMs = this.clock.monotonicMs();
    const lease = this.leases.get(key);
    if (amount <= 0) return this.giveBack(key, amount, windowMs, lease);
    const asking = this.asking.get(key);
    if (asking !== undefined) {
      return asking.then((answered) =>
        answered ? this.add(key, amount, windowMs, ahead) : undefined,
      );
    }
    if (lease === undefined || nowMs >= lease.untilMs) {
      return this.lease(key, amount, windowMs, amount);
    }
    if (lease.left < amount) return this.lease(key, amount, windowMs, Math.max(amount, ahead));
    lease.left -= amount;
    lease.value += amount;
    return { value: lease.value, resetMs: Math.max(1, lease.resetAtMs - nowMs) };
  }

  /** Forgets a counter that is to be emptied. */
  forget(key: string): void {
    this.leases.delete(key);
  }

  /** What was not used goes back with the call that takes anew. */
  private lease(
    key: string,
    amount: number,
    windowMs: number,
    taken: number,
  ): MaybePromise<Count | undefined> {
    const unused = this.leases.get(key)?.left ?? 0;
    this.leases.delete(key);
    this.returnIdle();
    const keep = (count: Count | undefined): Count | undefined => {
      if (count === undefined) return undefined;
      const nowMs = this.clock.monotonicMs();
      const value = count.value - taken + amount;
      if (this.leases.size < this.maxKeys) {
        this.leases.set(key, {
          value,
          left: taken - amount,
          untilMs: nowMs + LEASE_MS,
          resetAtMs: nowMs + count.resetMs,
          windowMs,
        });
      }
      return { value, resetMs: count.resetMs };
    };
    const answer = this.guard.add(key, taken - unused, windowMs);
    if (!(answer instanceof Promise)) return keep(answer);
    const kept = answer.then(keep).finally(() => this.asking.delete(key));
    this.asking.set(
      key,
      kept.then((count) => count !== undefined),
    );
    return kept;
  }

  private giveBack(
    key: string,
    amount: number,
    windowMs: number,
    lease: Lease | undefined,
  ): MaybePromise<Count | undefined> {
    if (lease === undefined || amount === 0) return this.guard.add(key, amount, windowMs);
    lease.left -= amount;
    lease.value += amount;
    return { value: lease.value, resetMs: Math.max(1, lease.resetAtMs - this.clock.monotonicMs()) };
  }

  /** Gives back what nobody has used in time. */
  private returnIdle(): void {
    const nowMs = this.clock.monotonicMs();
    for (const [key, { untilMs, left, windowMs }] of this.leases) {
      if (untilMs > nowMs) return;
      this.leases.delete(key);
      if (left > 0) void this.guard.add(key, -left, windowMs);
    }
  }
}
