/**
 * The shared counters, with a limit to what they may cost. A call that does not answer in time is
 * given up. After a few of those in a row the store counts as away: nobody waits for it any more,
 * and once a second one call goes out whose answer nobody waits for either, until one is answered.
 */
import {
  type Clock,
  type Count,
  type CounterStore,
  type MaybePromise,
  type Slice,
  type SlidingCounterStore,
  storeTimeout,
} from '@org/core';

/** Failures in a row after which nobody waits any more. */
const FAILURES = 3;

/** How long between two attempts to reach a store that is away, in ms. */
export const PROBE_MS = 1000;

/** A store of counters, of which some slide. */
export type Counters = CounterStore & Partial<SlidingCounterStore>;

/** What the guard needs. */
export interface StoreGuardOptions {
  readonly store: Counters;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** The store has gone, for the reason given. */
  readonly onAway: (error: unknown) => void;
  /** It is back. */
  readonly onBack: () => void;
}

export class StoreGuard {
  /** Calls that failed or came too late. */
  errorsTotal: number = 0;
  private readonly options: StoreGuardOptions;
  private failures: number = 0;
  private probeAtMs: number = 0;

  constructor(options: StoreGuardOptions) {
    this.options = options;
  }

  /** Nobody waits for the store at the moment. */
  get away(): boolean {
    return this.failures >= FAILURES;
  }

  /** The store has counters that slide. */
  get slides(): boolean {
    return this.options.store.slide !== undefined;
  }

  /** Adds to a counter as `CounterStore` does; nothing where the store did not answer, or is away. Never throws. */
  add(key: string, amount: number, windowMs: number): MaybePromise<Count | undefined> {
    const { store, timeoutMs } = this.options;
    return this.ask('add', () => store.add(key, amount, windowMs, { timeoutMs }));
  }

  /** Adds as `SlidingCounterStore` does, and otherwise as `add` does here. */
  slide(key: string, amount: number, slice: Slice): MaybePromise<readonly number[] | undefined> {
    const { store, timeoutMs } = this.options;
    return this.ask('slide', () => store.slide!(key, amount, slice, { timeoutMs }));
  }

  private ask<T>(call: string, make: () => MaybePromise<T>): MaybePromise<T | undefined> {
    const { clock } = this.options;
    const { away } = this;
    if (away) {
      const nowMs = clock.monotonicMs();
      if (nowMs < this.probeAtMs) return undefined;
      this.probeAtMs = nowMs + PROBE_MS;
    }
    let answer: MaybePromise<T>;
    try {
      answer = make();
    } catch (error) {
      this.failed(error);
      return undefined;
    }
    if (!(answer instanceof Promise)) return this.answered(answer);
    if (!away) return this.inTime(call, answer);
    answer.then(
      (late) => void this.answered(late),
      (error: unknown) => this.failed(error),
    );
    return undefined;
  }

  private inTime<T>(call: string, answer: Promise<T>): Promise<T | undefined> {
    const { timeoutMs, clock } = this.options;
    return new Promise((resolve) => {
      let settled = false;
      const giveUp = (error: unknown): void => {
        if (settled) return;
        settled = true;
        this.failed(error);
        resolve(undefined);
      };
      // Where the loop was busy, the answer may be there, and be read only now.
      const cancel = clock.after(timeoutMs, () =>
        setImmediate(() => giveUp(storeTimeout(call, timeoutMs))),
      );
      answer.then(
        (given) => {
          cancel();
          if (settled) return;
          settled = true;
          resolve(this.answered(given));
        },
        (error: unknown) => {
          cancel();
          giveUp(error);
        },
      );
    });
  }

  private answered<T>(given: T): T {
    const wasAway = this.away;
    this.failures = 0;
    if (wasAway) this.options.onBack();
    return given;
  }

  private failed(error: unknown): void {
    this.errorsTotal++;
    this.failures++;
    if (this.failures !== FAILURES) return;
    this.probeAtMs = this.options.clock.monotonicMs() + PROBE_MS;
    this.options.onAway(error);
  }
}
