/**
 * The store as the records use it: every call within its time limit, and after several failures
 * in a row none for a while, so that a dead or hanging store costs requests no time.
 */
import {
  type CallOptions,
  type ClaimStore,
  type Clock,
  type KeyValueStore,
  type MaybePromise,
  report,
  storeUnavailable,
} from '@org/core';

/** What records need of a store. */
export type RecordStore = KeyValueStore & ClaimStore;

/** Failures in a row after which the store is left alone. */
const FAILURES_TO_PAUSE = 3;

/** How long it is left alone, in ms; then one call finds out. */
export const PAUSE_MS = 1000;

/** How long no call has failed until the next failure begins another outage, in ms: where one of several servers is away, calls to the others go on working in between. */
const QUIET_MS = 10_000;

/** Calls a store, and knows whether it answers. */
export class GuardedStore {
  private readonly store: RecordStore;
  private readonly clock: Clock;
  private readonly options: CallOptions;
  private failures: number = 0;
  private failedMs: number = Number.NEGATIVE_INFINITY;
  private pausedUntilMs: number = Number.NEGATIVE_INFINITY;

  constructor(store: RecordStore, clock: Clock, timeoutMs: number) {
    this.store = store;
    this.clock = clock;
    this.options = Object.freeze({ timeoutMs });
  }

  /** Whether its last call failed. */
  get failing(): boolean {
    return this.failures > 0;
  }

  get(key: string): MaybePromise<Uint8Array | undefined> {
    return this.call('get', () => this.store.get(key, this.options));
  }

  set(key: string, value: Uint8Array, ttlMs: number): MaybePromise<void> {
    return this.call('set', () => this.store.set(key, value, ttlMs, this.options));
  }

  claim(key: string, value: Uint8Array, ttlMs: number): MaybePromise<Uint8Array | undefined> {
    return this.call('claim', () => this.store.claim(key, value, ttlMs, this.options));
  }

  compareAndSet(
    key: string,
    expected: Uint8Array,
    next: Uint8Array | undefined,
    ttlMs: number,
  ): MaybePromise<boolean> {
    return this.call('compareAndSet', () =>
      this.store.compareAndSet(key, expected, next, ttlMs, this.options),
    );
  }

  /** Throws, or rejects with, what the store does; ERR_STORE_UNAVAILABLE while it is left alone. */
  private call<T>(name: string, run: () => MaybePromise<T>): MaybePromise<T> {
    const nowMs = this.clock.monotonicMs();
    if (nowMs < this.pausedUntilMs) throw storeUnavailable(name);
    // While one call finds out, the others still go without.
    if (this.failures >= FAILURES_TO_PAUSE) this.pausedUntilMs = nowMs + PAUSE_MS;
    try {
      const result = run();
      if (result instanceof Promise) {
        return result.then<T, T>(this.answered, this.failed);
      }
      this.answered(undefined);
      return result;
    } catch (error) {
      return this.failed(error);
    }
  }

  private readonly answered = <T>(result: T): T => {
    this.failures = 0;
    this.pausedUntilMs = Number.NEGATIVE_INFINITY;
    return result;
  };

  private readonly failed = (error: unknown): never => {
    const nowMs = this.clock.monotonicMs();
    this.failures++;
    if (nowMs - this.failedMs > QUIET_MS) report(error, 'idempotency store');
    this.failedMs = nowMs;
    if (this.failures >= FAILURES_TO_PAUSE) this.pausedUntilMs = nowMs + PAUSE_MS;
    throw error;
  };
}
