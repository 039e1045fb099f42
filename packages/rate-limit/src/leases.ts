/**
 * Units that a process takes from a shared counter ahead of their use: a client that asks again
 * within a second costs one call for many requests. What is leased counts as taken for everybody
 * else, so that no more is ever admitted than without leases; what is not used within that second,
 * or until the slice is over or the process ends, goes back. Until then it lies idle: that is the
 * price.
 */
import type { Cancel, Clock, MaybePromise } from '@org/core';

import type { Reading } from './shared-window.ts';

/** How long units may lie idle, in ms. */
const LEASE_MS = 1000;

/** One slice of a shared counter. */
export interface SharedSlice {
  /** The counter, without the slice. */
  readonly name: string;
  readonly number: number;
  /** Adds to it, and answers what the window holds; nothing where the store does not answer. */
  add(units: number): MaybePromise<Reading | undefined>;
}

interface Lease {
  readonly slice: SharedSlice;
  /** What the slice stood at when the last unit that was used had been added. */
  current: number;
  readonly older: readonly number[];
  /** Units that may still be used. */
  left: number;
  readonly untilMs: number;
}

/** A call for a lease that is under way: whoever comes meanwhile waits for it. */
interface Asking {
  readonly number: number;
  readonly answered: Promise<boolean>;
  /** Units that those who wait still want. */
  wanted: number;
}

export class Leases {
  private readonly maxKeys: number;
  private readonly clock: Clock;
  /** Those of the last second, the oldest first. */
  private readonly leases: Map<string, Lease> = new Map();
  private readonly asking: Map<string, Asking> = new Map();
  private cancelReturn: Cancel | undefined = undefined;
  private closed: boolean = false;

  constructor(maxKeys: number, clock: Clock) {
    this.maxKeys = maxKeys;
    this.clock = clock;
  }

  /**
   * Adds to a slice, or uses what is leased of it.
   * @param ahead units that may be taken at once from a counter that is in demand
   */
  add(slice: SharedSlice, amount: number, ahead: number): MaybePromise<Reading | undefined> {
    const { name, number } = slice;
    if (ahead <= 1) return slice.add(amount);
    const lease = this.leaseOf(slice);
    if (amount <= 0) {
      return lease === undefined || amount === 0 ? slice.add(amount) : use(lease, amount);
    }
    const asking = this.asking.get(name);
    if (asking !== undefined) {
      // The slice has changed while somebody asks: it is nobody's turn to wait for the other one.
      if (asking.number !== number) return slice.add(amount);
      asking.wanted += amount;
      return asking.answered.then((isAnswered) => {
        const { wanted } = asking;
        asking.wanted -= amount;
        // The first for whom nothing is left asks for all who wait: nobody waits for each in turn.
        return isAnswered ? this.add(slice, amount, Math.max(ahead, wanted)) : undefined;
      });
    }
    if (lease === undefined) return this.lease(slice, amount, amount);
    if (lease.left < amount) return this.lease(slice, amount, Math.max(amount, ahead));
    return use(lease, amount);
  }

  /** Forgets a counter that is to be emptied. */
  forget(name: string): void {
    this.leases.delete(name);
  }

  /** Gives back all that is not used, and leaves no timer. */
  async close(): Promise<void> {
    this.closed = true;
    this.cancelReturn?.();
    await Promise.all(this.returnIdle());
  }

  /** The lease of this very slice; one of a slice that is over goes back. */
  private leaseOf({ name, number }: SharedSlice): Lease | undefined {
    const lease = this.leases.get(name);
    if (lease === undefined || lease.slice.number === number) return lease;
    if (lease.slice.number < number) {
      this.leases.delete(name);
      void returned(lease);
    }
    return undefined;
  }

  /** What was not used goes back with the call that takes anew. */
  private lease(
    slice: SharedSlice,
    amount: number,
    taken: number,
  ): MaybePromise<Reading | undefined> {
    const { name, number } = slice;
    const unused = this.leases.get(name)?.left ?? 0;
    this.leases.delete(name);
    const keep = (reading: Reading | undefined): Reading | undefined => {
      if (reading === undefined) return undefined;
      const { older } = reading;
      const current = reading.current - taken + amount;
      const untilMs = this.clock.monotonicMs() + LEASE_MS;
      this.leases.set(name, { slice, current, older, left: taken - amount, untilMs });
      this.returnIdle();
      return { current, older };
    };
    const answer = slice.add(taken - unused);
    if (!(answer instanceof Promise)) return keep(answer);
    const kept = answer.then(keep).finally(() => this.asking.delete(name));
    const answered = kept.then((reading) => reading !== undefined);
    this.asking.set(name, { number, answered, wanted: 0 });
    return kept;
  }

  /** Gives back what nobody has used in time, or there is no room for, and goes on when the next is over. */
  private returnIdle(): MaybePromise<unknown>[] {
    const nowMs = this.clock.monotonicMs();
    const answers: MaybePromise<unknown>[] = [];
    for (const [name, lease] of this.leases) {
      const { untilMs } = lease;
      if (!this.closed && untilMs > nowMs && this.leases.size <= this.maxKeys) {
        this.cancelReturn ??= this.clock.after(untilMs - nowMs, () => {
          this.cancelReturn = undefined;
          this.returnIdle();
        });
        break;
      }
      this.leases.delete(name);
      answers.push(returned(lease));
    }
    return answers;
  }
}

function use(lease: Lease, amount: number): Reading {
  lease.left -= amount;
  lease.current += amount;
  return { current: lease.current, older: lease.older };
}

function returned({ slice, left }: Lease): MaybePromise<unknown> {
  return left > 0 ? slice.add(-left) : undefined;
}
