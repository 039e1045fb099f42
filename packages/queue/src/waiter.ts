/** One who waits for a permit, and the queue of those who wait on the same account. */
import type { Permit } from './limiter.ts';

/**
 * Why one who asked gets no permit: the queue is `full`; the predicted `wait` is too long, or
 * longer than the `deadline` allows; the longest wait has passed (`timeout`); the queue stands
 * (`codel`); somebody more urgent took the place (`evicted`); the queue was `closed`.
 */
export type Refusal = 'full' | 'wait' | 'deadline' | 'timeout' | 'codel' | 'evicted' | 'closed';

/** Who waits, as the queue sees it. Exactly one of `admitted` and `refused` is called, unless it leaves. */
export interface Applicant {
  /** Whether a permit would be given to nobody. */
  isGone(): boolean;
  admitted(permit: Permit, waitedMs: number): void;
  refused(reason: Refusal, waitedMs: number): void;
}

/** A place in a queue. */
export class Waiter {
  readonly applicant: Applicant;
  readonly cost: number;
  /** Index of its priority class. */
  readonly rank: number;
  /** Since when it waits, in monotonic ms. */
  readonly sinceMs: number;
  /** When waiting ends, in monotonic ms: the longest wait, or the deadline, whichever is first. */
  readonly untilMs: number;
  /** What a wait that ends is called. */
  readonly lateReason: Refusal;
  /** The account; absent once it does not wait any more. */
  flow: Flow | undefined = undefined;
  older: Waiter | undefined = undefined;
  newer: Waiter | undefined = undefined;

  constructor(
    applicant: Applicant,
    cost: number,
    rank: number,
    sinceMs: number,
    untilMs: number,
    lateReason: Refusal,
  ) {
    this.applicant = applicant;
    this.cost = cost;
    this.rank = rank;
    this.sinceMs = sinceMs;
    this.untilMs = untilMs;
    this.lateReason = lateReason;
  }
}

/** Those who wait on one account, oldest first. It exists only while somebody does. */
export class Flow {
  readonly account: string | undefined;
  oldest: Waiter | undefined = undefined;
  newest: Waiter | undefined = undefined;
  size: number = 0;
  /** Of all who wait here. */
  cost: number = 0;
  /** What it may still take in its turn (deficit round robin). */
  credit: number = 0;

  constructor(account: string | undefined) {
    this.account = account;
  }

  add(waiter: Waiter): void {
    waiter.flow = this;
    waiter.older = this.newest;
    if (this.newest === undefined) this.oldest = waiter;
    else this.newest.newer = waiter;
    this.newest = waiter;
    this.size++;
    this.cost += waiter.cost;
  }

  remove(waiter: Waiter): void {
    const { older, newer } = waiter;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    waiter.flow = waiter.older = waiter.newer = undefined;
    this.size--;
    this.cost -= waiter.cost;
  }
}
