/**
 * Early answers are given ahead of what observes: whoever wants to see them counts them by
 * `stats()`, or listens here. With nobody listening an event is not even made.
 */
import { channel } from 'node:diagnostics_channel';
import { callHook, type Exchange } from '@org/core';

/** Why an answer was given without a handler. A closed list: statistics are kept by it. */
export type Reason =
  /** A rule matched. */
  | 'rule'
  /** OPTIONS, answered from the list of routes. */
  | 'options'
  /** The method is none that is served. */
  | 'method'
  | 'url-length'
  | 'header-count'
  | 'header-bytes'
  | 'content-type'
  /** The declared length of the body. */
  | 'body-bytes'
  | 'unknown-route'
  /** 304: the client has it. */
  | 'not-modified'
  /** 412: a condition of the client does not hold. */
  | 'precondition';

/** An answer that was given early. */
export interface EarlyAnswer {
  readonly reason: Reason;
  readonly status: number;
  readonly exchange: Exchange;
}

/** Hears of early answers. What it throws is reported, and changes nothing. */
export type OnEarlyAnswer = (answer: EarlyAnswer) => void;

/** Name of the diagnostics channel; messages are `EarlyAnswer`s. */
export const EARLY_RETURN_CHANNEL = '@org/early-return';

/** Counts early answers, and tells of them. */
export class Counted {
  readonly totals: Partial<Record<Reason, number>> = {};
  private readonly hook: OnEarlyAnswer | undefined;
  private readonly events: ReturnType<typeof channel> = channel(EARLY_RETURN_CHANNEL);

  constructor(hook: OnEarlyAnswer | undefined) {
    this.hook = hook;
  }

  count(reason: Reason, status: number, exchange: Exchange): void {
    this.totals[reason] = (this.totals[reason] ?? 0) + 1;
    const { hook, events } = this;
    if (hook === undefined && !events.hasSubscribers) return;
    const answer: EarlyAnswer = { reason, status, exchange };
    if (hook !== undefined) callHook(() => hook(answer), 'early-return onAnswer', exchange);
    if (events.hasSubscribers) events.publish(answer);
  }
}
