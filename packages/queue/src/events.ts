/**
 * What the queue tells of itself as it happens: to `onEvent`, and on the diagnostics channel
 * `@org/queue`. With nobody listening an event is not even made.
 */
import type { Exchange } from '@org/core';

import type { Refusal } from './waiter.ts';

/** Something that happened. */
export type QueueEvent =
  /** A request has to wait. */
  | { readonly type: 'queued'; readonly className: string; readonly exchange: Exchange }
  /** A request that waited goes on. */
  | { readonly type: 'admitted'; readonly waitedMs: number; readonly exchange: Exchange }
  /** A request was refused; under `shadow`, would have been. */
  | {
      readonly type: 'refused';
      readonly reason: Refusal;
      readonly waitedMs: number;
      readonly shadow: boolean;
      readonly exchange: Exchange;
    }
  /** The client of a request that waited has gone. */
  | { readonly type: 'abandoned'; readonly exchange: Exchange }
  /** The queue begins to stand, or does not any more. */
  | { readonly type: 'overload'; readonly overloaded: boolean };

/** Hears events. What it throws is reported, and changes nothing. */
export type OnQueueEvent = (event: QueueEvent) => void;

/** Name of the diagnostics channel; messages are `QueueEvent`s. */
export const QUEUE_CHANNEL = '@org/queue';
