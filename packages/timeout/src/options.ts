/** The options of the deadline, their defaults and their checks. */
import {
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  either,
  type Exchange,
  func,
  type Given,
  oneOf,
  type ProblemError,
  recordOf,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';
import type { Request, Response } from 'express';

/**
 * What became of a request whose time was over: `answered` in place of its handler, or `cut`
 * off, because its head had been sent.
 */
export type Expiry = 'answered' | 'cut';

/** Answers a request whose time is over; `error` carries the status, and `ERR_TIMEOUT` as its code. */
export type TimeoutAnswer = (req: Request, res: Response, error: ProblemError) => void;

/** Hears of every request whose time was over, after it was answered or cut off. */
export type OnTimeout = (exchange: Exchange, expiry: Expiry) => void;

/** What subscribers of the channel get. */
export interface TimeoutMessage {
  readonly exchange: Exchange;
  readonly expiry: Expiry;
}

/** Name of the diagnostics channel; messages are `TimeoutMessage`s. */
export const TIMEOUT_CHANNEL = '@org/timeout';

/** The time of one route in ms; `false`: it has no deadline. */
export type RouteTimeout = number | false;

/** How long a request may take, and what happens when it takes longer. */
export interface TimeoutOptions {
  /** How long a request may take, in ms, until its head is sent. @default 30_000 */
  readonly timeoutMs: number;
  /** Times by Express' path patterns, for addresses that need another; the first that matches counts. @default {} */
  readonly routes: Readonly<Record<string, RouteTimeout>>;
  /**
   * What holds once the head is sent. `renew`: the time begins anew as long as the client takes
   * bytes, so that a long download ends well and a stalled reader is cut off. `cut`: the answer
   * must be whole by the deadline. `ignore`: the deadline is met.
   * @default "renew"
   */
  readonly afterHead: 'renew' | 'cut' | 'ignore';
  /** Header in which a caller states how long it will wait; `false`: none is read. @default "Request-Timeout" */
  readonly header: string | false;
  /** The unit of that header's number; seconds may have decimals. @default "s" */
  readonly headerUnit: 's' | 'ms';
  /** The longest time that the header may ask for, in ms. @default what holds for the route, so that callers can only ask for less */
  readonly maxHeaderMs: number | undefined;
  /** Status of the answer: 503, the service was too slow, or 504, one behind it was (RFC 9110 §15.6.4, §15.6.5). @default 503 */
  readonly status: 503 | 504;
  /**
   * Answers in the handler's place, at once, such as an error handler of yours; where it does
   * not, a plain problem document does. @default the last answer of `setup`, or a problem document
   */
  readonly answer: TimeoutAnswer | undefined;
  /** Called for every request whose time was over. What it throws is reported. @default none */
  readonly onTimeout: OnTimeout | undefined;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock;
}

export const TIMEOUT_DEFAULTS: Readonly<TimeoutOptions> = Object.freeze<TimeoutOptions>({
  timeoutMs: 30_000,
  routes: Object.freeze({}),
  afterHead: 'renew',
  header: 'Request-Timeout',
  headerUnit: 's',
  maxHeaderMs: undefined,
  status: 503,
  answer: undefined,
  onTimeout: undefined,
  clock: systemClock,
});

/** A deadline of no time at all would answer every request. */
export const TIME: Check<number> = durationMs({ min: 1 });

const CHECKS: Checks<TimeoutOptions> = {
  timeoutMs: TIME,
  routes: recordOf<RouteTimeout>(either(TIME, oneOf(false))),
  afterHead: oneOf('renew', 'cut', 'ignore'),
  // RFC 9110 §5.1: a field name is a token.
  header: either(
    text({ expected: 'a header name', pattern: /^[\w!#$%&'*+.^`|~-]+$/ }),
    oneOf(false),
  ),
  headerUnit: oneOf('s', 'ms'),
  maxHeaderMs: TIME,
  status: oneOf(503, 504),
  answer: func<TimeoutAnswer>(),
  onTimeout: func<OnTimeout>(),
  clock: clockCheck,
};

/** @throws OptionError for unknown or wrong options */
export function resolveTimeoutOptions(
  options: Given<TimeoutOptions> | undefined,
): Readonly<TimeoutOptions> {
  return resolveOptions('timeout', TIMEOUT_DEFAULTS, CHECKS, options);
}
