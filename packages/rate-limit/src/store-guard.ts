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
  storeTimeout,
} from '@org/core';

/** Failures in a row after which nobody waits any more. */
const FAILURES = 3;

/** How long between two attempts to reach a store that is away, in ms. */
export const PROBE_MS = 1000;

/** What the guard needs. */
export interface StoreGuardOptions {
  readonly store: CounterStore;
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

  /** Adds to a counter as `CounterStore` does; nothing where the store did not answer, or is away. Never throws. */
  add(key: string, amount: number, windowMs: number): MaybePromise<Count | undefined> {
    const { store, timeoutMs, clock } = this.options;
    const { away } = this;
    if (away) {
      const nowMs = clock.monotonicMs();
      if (nowMs < this.probeAtMs) return undefined;
      this.probeAtMs = nowMs + PROBE_MS;
    }
    let answer: MaybePromise<Count>;
    try {
      answer = store.add(key, amount, windowMs, { timeoutMs });
    } catch (error) {
      this.failed(error);
      return undefined;
    }
    if (!(answer instanceof Promise)) return this.answered(answer);
    if (!away) return this.inTime(answer);
    answer.then(
      (count) => void this.answered(count),
      (error: unknown) => this.failed(error),
    );
    return undefined;
  }

  private inTime(answer: Promise<Count>): Promise<Count | undefined> {
    const { timeoutMs, clock } = this.options;
    return new Promise((resolve) => {
      let late = false;
      let over = false;
      const giveUp = (): void => {
        if (over) return;
        late = true;
        this.failed(storeTimeout('add', timeoutMs));
        resolve(undefined);
      };
      // Where this process was busy, the answer may be there and not read yet: it is read first.
      const cancel = clock.after(timeoutMs, () => void setImmediate(giveUp));
      answer.then(
        (count) => {
          cancel();
          over = true;
          if (!late) resolve(this.answered(count));
        },
        (error: unknown) => {
          cancel();
          over = true;
          if (late) return;
          this.failed(error);
          resolve(undefined);
        },
      );
    });
  }

  private answered(count: Count): Count {
    const wasAway = this.away;
    this.failures = 0;
    if (wasAway) this.options.onBack();
    return count;
  }

  private failed(error: unknown): void {
    this.errorsTotal++;
    this.failures++;
    if (this.failures !== FAILURES) return;
    this.probeAtMs = this.options.clock.monotonicMs() + PROBE_MS;
    this.options.onAway(error);
  }
}
