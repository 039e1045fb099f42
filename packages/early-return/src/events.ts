/**
 * What was answered early, as it happens: to `onEvent`, and on the diagnostics channel
 * `@org/early-return`. Logs and metrics stand below the edge and see none of it. With nobody
 * listening an event is not even made.
 */
import type { Exchange } from '@org/core';

import type { Refusal } from './refusals.ts';

/** Something that was answered; `status` is that of the answer, `path` the rule's path or the resource's pattern. */
export type EarlyReturnEvent =
  /** By a rule, which may be a ping, the favicon or robots.txt. */
  | {
      readonly type: 'rule';
      readonly path: string;
      readonly status: number;
      readonly exchange: Exchange;
    }
  | { readonly type: 'options'; readonly status: number; readonly exchange: Exchange }
  | {
      readonly type: 'refused';
      readonly reason: Refusal;
      readonly status: number;
      readonly exchange: Exchange;
    }
  /** The client has what it asks for; a condition of it does not hold; HEAD was answered without GET. */
  | {
      readonly type: 'not-modified' | 'precondition-failed' | 'head';
      readonly path: string;
      readonly status: number;
      readonly exchange: Exchange;
    };

/** Hears events. What it throws is reported, and changes nothing. */
export type OnEarlyReturn = (event: EarlyReturnEvent) => void;

/** Name of the diagnostics channel; messages are `EarlyReturnEvent`s. */
export const EARLY_RETURN_CHANNEL = '@org/early-return';
