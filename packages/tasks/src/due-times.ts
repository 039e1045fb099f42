/**
 * Many points in time behind one timer: what is due first arms it. Delays, time limits and
 * schedules each have one of these, and no job has a timer of its own.
 */
import type { Cancel, Clock } from '@org/core';

import { Heap, type Ranked } from './heap.ts';

/** What waits for its time, which is its rank. */
export type Due = Ranked;

/** Longer sleeps are cut, so that a wall clock that was set, or a machine that slept, is noticed. */
const MAX_SLEEP_MS = 30_000;

/** Tells when members are due. */
export class DueTimes<T extends Due> {
  private readonly clock: Clock;
  private readonly now: () => number;
  private readonly onDue: (member: T) => void;
  private readonly heap: Heap<T> = new Heap<T>();
  private cancel: Cancel | undefined = undefined;
  private armedFor: number = Number.POSITIVE_INFINITY;

  /**
   * @param now the time that ranks are in, in ms: of the wall clock, or monotonic
   * @param onDue called for each that is due, after it was taken out; it must not throw
   */
  constructor(clock: Clock, now: () => number, onDue: (member: T) => void) {
    this.clock = clock;
    this.now = now;
    this.onDue = onDue;
  }

  get size(): number {
    return this.heap.size;
  }

  add(member: T, due: number): void {
    member.rank = due;
    this.heap.push(member);
    if (due < this.armedFor) this.arm(due);
  }

  /** Gives a member another time. */
  move(member: T, due: number): void {
    this.heap.move(member, due);
    if (due < this.armedFor) this.arm(due);
  }

  /** Forgets one. The timer stays: to wake once in vain is cheaper than to set it anew. */
  delete(member: T): boolean {
    return this.heap.delete(member);
  }

  /** Leaves no timer; members stay. */
  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.armedFor = Number.POSITIVE_INFINITY;
  }

  private arm(due: number): void {
    this.cancel?.();
    this.armedFor = due;
    // Timers count whole ms, and may come early by a fraction.
    const sleepMs = Math.min(MAX_SLEEP_MS, Math.max(1, Math.ceil(due - this.now())));
    this.cancel = this.clock.after(sleepMs, () => this.wake());
  }

  private wake(): void {
    this.cancel = undefined;
    this.armedFor = Number.POSITIVE_INFINITY;
    const now = this.now();
    for (let first = this.heap.peek(); first !== undefined && first.rank <= now;) {
      this.heap.delete(first);
      this.onDue(first);
      first = this.heap.peek();
    }
    const next = this.heap.peek();
    if (next !== undefined && next.rank < this.armedFor) this.arm(next.rank);
  }
}
