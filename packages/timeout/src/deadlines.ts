/**
 * Many deadlines behind one timer. A timer per request costs more than all the rest of this
 * package; here a request joins a lane of those that may take equally long, at its end,
 * because it came last, and leaves it when it is answered, which most do.
 */
import type { Cancel, Clock } from '@org/core';

/** Something that has to be done by a time. Belongs to one `Deadlines`. */
export interface Deadline {
  /** When its time is over, in monotonic ms. */
  dueMs: number;
  /** How much time it got; those that got the same wait in one lane. */
  timeMs: number;
  /** @internal */
  lane: Lane | undefined;
  /** @internal */
  before: Deadline | undefined;
  /** @internal */
  behind: Deadline | undefined;
}

/** Those that got equally much time, in the order in which it will be over. */
interface Lane {
  first: Deadline | undefined;
  last: Deadline | undefined;
}

/** Keeps deadlines, and tells when one is over. */
export class Deadlines<T extends Deadline> {
  private readonly clock: Clock;
  private readonly onDue: (deadline: T) => void;
  private readonly lanes: Map<number, Lane> = new Map();
  private cancel: Cancel | undefined = undefined;
  private armedForMs: number = Number.POSITIVE_INFINITY;
  /** How many are waited for. */
  size: number = 0;

  /** `onDue` is called for each one whose time is over, after it was removed; it must not throw. */
  constructor(clock: Clock, onDue: (deadline: T) => void) {
    this.clock = clock;
    this.onDue = onDue;
  }

  add(deadline: T): void {
    let lane = this.lanes.get(deadline.timeMs);
    if (lane === undefined) {
      lane = { first: undefined, last: undefined };
      this.lanes.set(deadline.timeMs, lane);
    }
    // Whoever waited for something before may come late; mostly the last place is right.
    let before = lane.last;
    while (before !== undefined && before.dueMs > deadline.dueMs) before = before.before;
    const behind = before === undefined ? lane.first : before.behind;
    deadline.lane = lane;
    deadline.before = before;
    deadline.behind = behind;
    if (before === undefined) lane.first = deadline;
    else before.behind = deadline;
    if (behind === undefined) lane.last = deadline;
    else behind.before = deadline;
    this.size++;
    if (deadline.dueMs < this.armedForMs) this.arm(deadline.dueMs);
  }

  /** Forgets one, if it is waited for. The timer stays: it is cheaper to wake once in vain than to set it anew. */
  remove(deadline: T): void {
    const { lane, before, behind } = deadline;
    if (lane === undefined) return;
    if (before === undefined) lane.first = behind;
    else before.behind = behind;
    if (behind === undefined) lane.last = before;
    else behind.before = before;
    deadline.lane = deadline.before = deadline.behind = undefined;
    this.size--;
  }

  /** Forgets all, and leaves no timer. */
  clear(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.armedForMs = Number.POSITIVE_INFINITY;
    for (const lane of this.lanes.values()) {
      while (lane.first !== undefined) this.remove(lane.first as T);
    }
    this.lanes.clear();
  }

  private arm(dueMs: number): void {
    this.cancel?.();
    this.armedForMs = dueMs;
    // Timers count whole ms, and may come early by a fraction.
    const delayMs = Math.max(1, Math.ceil(dueMs - this.clock.monotonicMs()));
    this.cancel = this.clock.after(delayMs, () => this.wake());
  }

  private wake(): void {
    this.cancel = undefined;
    this.armedForMs = Number.POSITIVE_INFINITY;
    const nowMs = this.clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [timeMs, lane] of this.lanes) {
      while (lane.first !== undefined && lane.first.dueMs <= nowMs) {
        const due = lane.first as T;
        this.remove(due);
        this.onDue(due);
      }
      // Lanes are few, but callers may ask for times of their own.
      if (lane.first === undefined) this.lanes.delete(timeMs);
      else nextMs = Math.min(nextMs, lane.first.dueMs);
    }
    // One that came back meanwhile may have armed for earlier.
    if (nextMs < this.armedForMs) this.arm(nextMs);
  }
}
