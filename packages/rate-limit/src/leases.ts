/**
 * Units that a process takes from a shared counter ahead of their use: a client that asks again
 * within a second costs one call for many requests. What is leased counts as taken for everybody
 * else, so that no more is ever admitted than without leases; what is not used within that second,
 * or until the process ends, goes back. Until then it lies idle: that is the price.
 */
import type { Cancel, Clock, Count, MaybePromise } from '@org/core';

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

/** A call for a lease that is under way: whoever comes meanwhile waits for it. */
interface Asking {
  readonly answered: Promise<boolean>;
  /** Units that those who wait still want. */
  wanted: number;
}

export class Leases {
  private readonly guard: Pick<StoreGuard, 'add'>;
  private readonly maxKeys: number;
  private readonly clock: Clock;
  /** Those of the last second, the oldest first. */
  private readonly leases: Map<string, Lease> = new Map();
  private readonly asking: Map<string, Asking> = new Map();
  private cancelReturn: Cancel | undefined = undefined;
  private closed: boolean = false;

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
    const lease = this.leases.get(key);
    if (amount <= 0) return this.giveBack(key, amount, windowMs, lease);
    const asking = this.asking.get(key);
    if (asking !== undefined) {
      asking.wanted += amount;
      return asking.answered.then((isAnswered) => {
        const { wanted } = asking;
        asking.wanted -= amount;
        // The first for whom nothing is left asks for all who wait: nobody waits for each in turn.
        return isAnswered ? this.add(key, amount, windowMs, Math.max(ahead, wanted)) : undefined;
      });
    }
    if (lease === undefined) return this.lease(key, amount, windowMs, amount);
    if (lease.left < amount) return this.lease(key, amount, windowMs, Math.max(amount, ahead));
    return this.use(lease, amount);
  }

  /** Forgets a counter that is to be emptied. */
  forget(key: string): void {
    this.leases.delete(key);
  }

  /** Gives back all that is not used, and leaves no timer. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancelReturn?.();
    await Promise.all(this.returnIdle());
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
    const keep = (count: Count | undefined): Count | undefined => {
      if (count === undefined) return undefined;
      const nowMs = this.clock.monotonicMs();
      const value = count.value - taken + amount;
      this.leases.set(key, {
        value,
        left: taken - amount,
        untilMs: nowMs + LEASE_MS,
        resetAtMs: nowMs + count.resetMs,
        windowMs,
      });
      this.returnIdle();
      return { value, resetMs: count.resetMs };
    };
    const answer = this.guard.add(key, taken - unused, windowMs);
    if (!(answer instanceof Promise)) return keep(answer);
    const kept = answer.then(keep).finally(() => this.asking.delete(key));
    this.asking.set(key, { answered: kept.then((count) => count !== undefined), wanted: 0 });
    return kept;
  }

  private giveBack(
    key: string,
    amount: number,
    windowMs: number,
    lease: Lease | undefined,
  ): MaybePromise<Count | undefined> {
    if (lease === undefined || amount === 0) return this.guard.add(key, amount, windowMs);
    return this.use(lease, amount);
  }

  private use(lease: Lease, amount: number): Count {
    lease.left -= amount;
    lease.value += amount;
    return { value: lease.value, resetMs: Math.max(1, lease.resetAtMs - this.clock.monotonicMs()) };
  }

  /** Gives back what nobody has used in time, or there is no room for, and goes on when the next is over. */
  private returnIdle(): MaybePromise<unknown>[] {
    const nowMs = this.clock.monotonicMs();
    const answers: MaybePromise<unknown>[] = [];
    for (const [key, { untilMs, left, windowMs }] of this.leases) {
      if (!this.closed && untilMs > nowMs && this.leases.size <= this.maxKeys) {
        this.cancelReturn ??= this.clock.after(untilMs - nowMs, () => {
          this.cancelReturn = undefined;
          this.returnIdle();
        });
        break;
      }
      this.leases.delete(key);
      if (left > 0) answers.push(this.guard.add(key, -left, windowMs));
    }
    return answers;
  }
}
