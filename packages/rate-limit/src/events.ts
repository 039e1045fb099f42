/**
 * What the limiter tells of itself as it happens: to `onEvent`, and on the diagnostics channel
 * `@org/rate-limit`. With nobody listening an event is not even made.
 */
import type { Exchange } from '@org/core';

/** Something that happened. */
export type RateLimitEvent =
  /** A request was refused; under `shadow`, would have been. */
  | {
      readonly type: 'refused';
      /** Names of the policies that did not have enough. */
      readonly policies: readonly string[];
      /** The route's pattern; `*` where none matched. */
      readonly route: string;
      readonly retryAfterMs: number;
      readonly shadow: boolean;
      readonly exchange: Exchange;
    }
  /** The shared counters do not answer: from here on the `fail` policy decides. */
  | { readonly type: 'store-away'; readonly error: unknown }
  /** They do again. */
  | { readonly type: 'store-back' }
  /** The limits were lowered, or raised again; they stand at `ratio` of what was set. */
  | {
      readonly type: 'adapted';
      readonly ratio: number;
      readonly before: number;
      /** What was seen, in words. */
      readonly reason: string;
    };

/** Hears events. What it throws is reported, and changes nothing. */
export type OnRateLimitEvent = (event: RateLimitEvent) => void;

/** Name of the diagnostics channel; messages are `RateLimitEvent`s. */
export const RATE_LIMIT_CHANNEL = '@org/rate-limit';
