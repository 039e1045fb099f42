/**
 * Store contracts: state that several processes may share. Memory is the embedded
 * default; other stores keep the same promises, and one conformance suite
 * (`@org/core/testing`) holds all of them to it.
 *
 * Values are bytes: nobody may change them once they are handed over. A call may
 * answer synchronously, so that memory costs no microtask. A store that cannot
 * answer within the time limit rejects with `ERR_STORE_TIMEOUT`, one that is not
 * there with `ERR_STORE_UNAVAILABLE`; nothing hangs and nothing is swallowed. What
 * then happens is the caller's policy.
 */
import { MAX_DELAY_MS } from './clock.ts';
import { ProblemError } from './problem-error.ts';

/** A value now, or a promise of it. */
export type MaybePromise<T> = T | Promise<T>;

/** What a caller may say about one call. */
export interface CallOptions {
  /** The longest the call may take, in ms. @default the store's own limit */
  readonly timeoutMs?: number;
}

/** Bytes by key, each with a time to live. */
export interface KeyValueStore {
  /** The value, or nothing when there is none or its time is over. */
  get(key: string, options?: CallOptions): MaybePromise<Uint8Array | undefined>;
  /** Keeps `value` for `ttlMs`, or until it is evicted. */
  set(key: string, value: Uint8Array, ttlMs: number, options?: CallOptions): MaybePromise<void>;
  /** Forgets a key; says whether there was something to forget. */
  delete(key: string, options?: CallOptions): MaybePromise<boolean>;
}

/** Atomic claims: of many who ask at once, one gets the key. */
export interface ClaimStore {
  /** Sets `key` if it is absent and answers nothing; otherwise answers the value that is there. */
  claim(
    key: string,
    value: Uint8Array,
    ttlMs: number,
    options?: CallOptions,
  ): MaybePromise<Uint8Array | undefined>;
  /**
   * Replaces the value if it is `expected`, byte for byte; `next` undefined deletes
   * it. Says whether it did.
   */
  compareAndSet(
    key: string,
    expected: Uint8Array,
    next: Uint8Array | undefined,
    ttlMs: number,
    options?: CallOptions,
  ): MaybePromise<boolean>;
}

/**
 * Tags as version counters. What is stored remembers the versions of its tags; it
 * is stale when one has moved on. No list of keys is ever kept. A store that
 * forgets a tag must answer a version that no entry can have remembered.
 */
export interface TagStore {
  versions(tags: readonly string[], options?: CallOptions): MaybePromise<readonly number[]>;
  /** Moves every tag on, and answers the new versions, which are higher: a lower one tells that the store has forgotten. */
  bump(tags: readonly string[], options?: CallOptions): MaybePromise<readonly number[]>;
}

/** A counter's state after an addition. */
export interface Count {
  readonly value: number;
  /** Time until the counter starts again from nothing, in ms. */
  readonly resetMs: number;
}

/** Counters that expire as a whole, for limits. */
export interface CounterStore {
  /** Adds to a counter; the first addition starts its window of `windowMs`. */
  add(key: string, amount: number, windowMs: number, options?: CallOptions): MaybePromise<Count>;
}

/** Where in a sliding window something is counted: in one of the slices that it is cut into. */
export interface Slice {
  /** Its number: how many slices of this length have passed since the epoch, by the caller's clock. */
  readonly number: number;
  /** How long a slice is, in ms. */
  readonly lengthMs: number;
  /** Slices before it that are of the window as well. */
  readonly before: number;
}

/** Counters that slide, for limits: slices leave one by one, where a `CounterStore` forgets all at once. */
export interface SlidingCounterStore {
  /**
   * Adds to a slice of a counter, and answers what the window holds: this slice, with whatever is
   * in later ones, and each of those `before` it, the latest first.
   */
  slide(
    key: string,
    amount: number,
    slice: Slice,
    options?: CallOptions,
  ): MaybePromise<readonly number[]>;
}

/** A message on a bus. */
export interface BusMessage {
  readonly data: Uint8Array;
  /** Grows by one from message to message of a channel, so that a gap is noticed. */
  readonly sequence: number;
}

/** Publish and subscribe between processes. */
export interface Bus {
  publish(channel: string, data: Uint8Array, options?: CallOptions): MaybePromise<void>;
  /** Calls `listener` for each message from now on; the answer ends the subscription. */
  subscribe(
    channel: string,
    listener: (message: BusMessage) => void,
    options?: CallOptions,
  ): MaybePromise<() => MaybePromise<void>>;
}

/** Everything that a store of the house can do. Packages ask for the part they use. */
export interface Store
  extends KeyValueStore, ClaimStore, TagStore, CounterStore, SlidingCounterStore, Bus {}

/** How long a slice has to be kept, in ms: until it has left the window. @throws RangeError as `checkTtl` */
export function keepSliceMs({ lengthMs, before }: Slice): number {
  return checkTtl(lengthMs * (before + 1));
}

/** The error of a call that took longer than it may. */
export function storeTimeout(call: string, timeoutMs: number): ProblemError {
  return new ProblemError({
    code: 'ERR_STORE_TIMEOUT',
    status: 503,
    detail: `The store did not answer ${call} within ${timeoutMs} ms.`,
  });
}

/** The error of a call to a store that is not there. */
export function storeUnavailable(call: string, cause?: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_STORE_UNAVAILABLE',
    status: 503,
    detail: `The store is not available for ${call}.`,
    cause,
  });
}

/** A time to live that a store can keep, in ms. @throws RangeError unless it is above 0 and at most 2³¹−1 */
export function checkTtl(ttlMs: number): number {
  if (ttlMs > 0 && ttlMs <= MAX_DELAY_MS) return ttlMs;
  throw new RangeError(
    `A time to live must be above 0 and at most ${MAX_DELAY_MS} ms, but is ${ttlMs}.`,
  );
}
