/**
 * Additions to one queue. Requests wait for them, so all the calls of one have a short time limit
 * together, and none is made while the server is known to be away.
 */
import type { Cancel, Clock } from '@org/core';

import { additionInDoubt, additionRefused, storageFailed } from '../refusals.ts';
import { isAway } from './away.ts';
import type { Breaker } from './breaker.ts';

/** Makes a call of an addition, unless its time is over: what was refused must not go on. */
export type Ask = <T>(call: () => Promise<T>) => Promise<T>;

export class Additions {
  private readonly clock: Clock;
  private readonly limitMs: number;
  private readonly breaker: Breaker;

  /** @param limitMs the longest that one may take, in ms */
  constructor(clock: Clock, limitMs: number, breaker: Breaker) {
    this.clock = clock;
    this.limitMs = limitMs;
    this.breaker = breaker;
  }

  /** @throws ProblemError `ERR_TASKS_STORAGE` at once, while the server is away */
  check(): void {
    if (this.breaker.isOpen) throw additionRefused(this.breaker.cause);
  }

  /** Adds. @throws ProblemError `ERR_TASKS_STORAGE` */
  async run<T>(add: (ask: Ask) => Promise<T>): Promise<T> {
    const { clock, limitMs, breaker } = this;
    let isOver = false;
    let cancel: Cancel | undefined;
    const late = new Promise<never>((_, reject) => {
      // A timer that is late says that this process was busy: answers that have come are read first.
      cancel = clock.after(limitMs, () => setImmediate(() => reject(this.late())));
    });
    const ask: Ask = async (call) => {
      if (isOver) throw this.late();
      return call();
    };
    try {
      const added = await Promise.race([add(ask), late]);
      breaker.answered();
      return added;
    } catch (error) {
      if (isAway(error)) {
        breaker.failed(error);
        throw additionInDoubt(error);
      }
      breaker.answered();
      throw storageFailed(error);
    } finally {
      isOver = true;
      cancel?.();
    }
  }

  private late(): Error {
    return new Error(`there was no answer within ${this.limitMs} ms`);
  }
}
