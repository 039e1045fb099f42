/**
 * Time limits of calls. Those of one limit run out in the order in which they began, so each limit
 * has a list, and only its first call a timer: a call costs two pointers, not a timer.
 */
import type { Cancel, Clock } from '@org/core';

/** What has a time limit; the links are for the list alone. */
export interface Limited {
  dueMs: number;
  previous: Limited | undefined;
  next: Limited | undefined;
  /** Its time is over. */
  expire(): void;
}

/** Calls of one limit, the oldest first. */
interface Queue {
  readonly limitMs: number;
  first: Limited | undefined;
  last: Limited | undefined;
  cancel: Cancel;
}

export class Deadlines {
  private readonly clock: Clock;
  private readonly queues: Map<number, Queue> = new Map();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Calls `expire` in `limitMs`, unless it is removed before. */
  add(limited: Limited, limitMs: number): void {
    let queue = this.queues.get(limitMs);
    limited.dueMs = this.clock.monotonicMs() + limitMs;
    if (queue === undefined) {
      queue = { limitMs, first: undefined, last: undefined, cancel: () => undefined };
      this.queues.set(limitMs, queue);
      this.wait(queue, limitMs);
    }
    limited.previous = queue.last;
    if (queue.last === undefined) queue.first = limited;
    else queue.last.next = limited;
    queue.last = limited;
  }

  remove(limited: Limited, limitMs: number): void {
    const queue = this.queues.get(limitMs);
    if (queue === undefined) return;
    const { previous, next } = limited;
    if (previous !== undefined) previous.next = next;
    else if (queue.first === limited) queue.first = next;
    // It has run out already.
    else return;
    if (next !== undefined) next.previous = previous;
    else queue.last = previous;
    limited.previous = undefined;
    limited.next = undefined;
  }

  /** Leaves no timer, and answers what still waited. */
  drain(): Limited[] {
    const waiting: Limited[] = [];
    for (const { first, cancel } of this.queues.values()) {
      cancel();
      for (let limited = first; limited !== undefined; limited = limited.next)
        waiting.push(limited);
    }
    this.queues.clear();
    return waiting;
  }

  /** A timer that is late says that this process was busy: answers that have come are read first. */
  private wait(queue: Queue, forMs: number): void {
    queue.cancel = this.clock.after(forMs, () => setImmediate(() => this.sweep(queue)));
  }

  private sweep(queue: Queue): void {
    const nowMs = this.clock.monotonicMs();
    for (let { first } = queue; first !== undefined && first.dueMs <= nowMs; first = queue.first) {
      this.remove(first, queue.limitMs);
      first.expire();
    }
    if (queue.first === undefined) this.queues.delete(queue.limitMs);
    else this.wait(queue, Math.max(1, queue.first.dueMs - nowMs));
  }
}
