/**
 * What retries and hedges tell of themselves as it happens: to `onEvent`, and on the diagnostics
 * channel `@org/retry`. With nobody listening an event is not even made.
 */

/** Why nothing more is tried. */
export type GiveUp =
  /** All attempts have been made. */
  | 'attempts'
  /** Too much is tried again already. */
  | 'budget'
  /** The next attempt could not end before the deadline. */
  | 'deadline'
  /** The server asks for a longer wait than the longest. */
  | 'retry-after'
  /** Somebody further out tries again, or the service that called this one. */
  | 'nested'
  /** The retry was closed. */
  | 'closed';

/** Something that happened. */
export type RetryEvent =
  /** An attempt has ended; it has failed where there is an error, or a status that is tried again. */
  | {
      readonly type: 'attempt';
      readonly name: string;
      /** From 1. */
      readonly attempt: number;
      readonly durationMs: number;
      readonly error?: unknown;
      /** The status of an answer. */
      readonly status?: number;
    }
  /** The call is made again after a wait. */
  | {
      readonly type: 'retry';
      readonly name: string;
      /** The attempt to come. */
      readonly attempt: number;
      readonly delayMs: number;
      /** What the last attempt came to: an error, or the status of an answer. */
      readonly reason: unknown;
    }
  /** The call has failed for good, though it might have been tried again. */
  | {
      readonly type: 'gave-up';
      readonly name: string;
      readonly attempts: number;
      readonly why: GiveUp;
      readonly reason: unknown;
    }
  /** A call that took long was made a second time. */
  | { readonly type: 'hedge'; readonly name: string; readonly delayMs: number }
  /** The second was sooner. */
  | { readonly type: 'hedge-won'; readonly name: string };

/** Hears events. What it throws is reported, and changes nothing. */
export type OnRetryEvent = (event: RetryEvent) => void;

/** Name of the diagnostics channel; messages are `RetryEvent`s. */
export const RETRY_CHANNEL = '@org/retry';
