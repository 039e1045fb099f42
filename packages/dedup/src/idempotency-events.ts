/**
 * What becomes of keys, as it happens: to `onEvent`, and on the diagnostics channel
 * `@org/dedup:idempotency`. With nobody listening an event is not even made.
 */
import { type Exchange, Listeners } from '@org/core';

/** What happened to a request with a key, or to the key's record after it. */
export type IdempotencyEventType =
  /** The handler runs for it. */
  | 'claimed'
  /** It runs because the owner of before is lost, and the policy is to run again. */
  | 'retaken'
  | 'replayed'
  /** 422: the key belongs to another request. */
  | 'mismatch'
  /** 409: the original is under way. */
  | 'in-flight'
  /** 409: how the original ended is not known. */
  | 'indeterminate'
  /** 503: the store did not answer, and nothing ran. */
  | 'store-failed'
  /** The answer is kept. */
  | 'finished'
  /** The key is free again. */
  | 'released'
  /** From now on nobody knows how it ended. */
  | 'lost'
  /** It ended after somebody had taken its place; what it did cannot be taken back. */
  | 'overtaken'
  /** Somebody has said how it ended. */
  | 'resolved';

/** Something that happened. */
export interface IdempotencyEvent {
  readonly type: IdempotencyEventType;
  /** The record's id: a hash. */
  readonly record: string;
  /** Absent where no request is at hand. */
  readonly exchange: Exchange | undefined;
}

/** Hears events. What it throws is reported, and changes nothing. */
export type OnIdempotencyEvent = (event: IdempotencyEvent) => void;

/** Name of the diagnostics channel; messages are `IdempotencyEvent`s. */
export const IDEMPOTENCY_CHANNEL = '@org/dedup:idempotency';

const NAMES: Readonly<Record<IdempotencyEventType, string>> = Object.freeze({
  claimed: 'claimedTotal',
  retaken: 'retakenTotal',
  replayed: 'replayedTotal',
  mismatch: 'mismatchesTotal',
  'in-flight': 'inFlightTotal',
  indeterminate: 'indeterminateTotal',
  'store-failed': 'storeFailuresTotal',
  finished: 'finishedTotal',
  released: 'releasedTotal',
  lost: 'lostTotal',
  overtaken: 'overtakenTotal',
  resolved: 'resolvedTotal',
});

/** Counts what happens, and tells whoever listens. */
export class IdempotencyEvents {
  private readonly listeners: Listeners<IdempotencyEvent>;
  private readonly counts: Record<string, number>;

  constructor(hook: OnIdempotencyEvent | undefined) {
    this.listeners = new Listeners(IDEMPOTENCY_CHANNEL, hook, 'idempotency onEvent');
    this.counts = Object.fromEntries(Object.values(NAMES).map((name) => [name, 0]));
  }

  tell(type: IdempotencyEventType, record: string, exchange?: Exchange): void {
    this.counts[NAMES[type]]!++;
    if (this.listeners.listening) this.listeners.tell({ type, record, exchange });
  }

  /** How often each has happened. */
  stats(): Readonly<Record<string, number>> {
    return { ...this.counts };
  }
}
