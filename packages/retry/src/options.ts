/** The options of a retry, their defaults and their checks. */
import {
  boolean,
  type CallPolicy,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  either,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import type { Jitter } from './backoff.ts';
import type { OnRetryEvent } from './events.ts';
import type { RetryBudget } from './retry-budget.ts';
import { RETRY_STATUSES } from './transient.ts';

/** `fetch`, or what is called like it. */
export type Fetch = typeof globalThis.fetch;

/** What a retry can be told. */
export interface RetryOptions {
  /** Its name, among the components and for `explain()`. @default "retry" */
  readonly name: string;
  /** Attempts in all, the first among them. @default 3 */
  readonly maxAttempts: number;
  /** The first wait at its longest, in ms; each further one may be twice as long. @default 100 */
  readonly baseDelayMs: number;
  /** The longest wait, in ms, also for a server that asks for one. @default 10_000 */
  readonly maxDelayMs: number;
  /** How much of a wait is left to chance. @default "full" */
  readonly jitter: Jitter;
  /** How long one attempt may take, in ms. @default no limit */
  readonly attemptTimeoutMs: number | undefined;
  /** How long all attempts and the waits between them may take, in ms. @default no limit but the caller's deadline */
  readonly totalTimeoutMs: number | undefined;
  /** What must be left until the deadline for an attempt to begin, in ms. @default 10 */
  readonly minAttemptMs: number;
  /** Statuses of answers and errors that are tried again. @default [408, 429, 502, 503, 504] */
  readonly statuses: readonly number[];
  /** Whether an error is worth another attempt. @default what the network, a time limit or a status in `statuses` says */
  readonly retryError: ((error: unknown) => boolean) | undefined;
  /** Whether a result is none, and is worth another attempt. @default an answer with a status in `statuses` */
  readonly retryResult: ((result: unknown) => boolean) | undefined;
  /** How much may be tried again; shared with whoever is given it, too. @default a `retryBudget()` of its own */
  readonly budget: RetryBudget | undefined;
  /** Whose account in it is used: those of one name share it. @default of `fetch` the host, else `name` */
  readonly budgetName: string | undefined;
  /** Policies around each attempt, the outermost first, such as a hedge, a circuit or a time limit. @default [] */
  readonly inner: readonly CallPolicy[];
  /** What the retry's `fetch` asks with. @default the global fetch at the time of the call */
  readonly fetch: Fetch | undefined;
  /** Whether the server takes an `Idempotency-Key` for what it is: POST and PATCH then get one, and are tried again. @default false */
  readonly idempotencyKeys: boolean | ((url: URL) => boolean);
  /** The header that tells how many attempts came before; `false`: neither read nor sent. @default "Retry-Attempt" */
  readonly attemptHeader: string | false;
  /** Try again also what somebody further out tries again. @default false */
  readonly retryRetries: boolean;
  /** Told of what happens. @default nobody */
  readonly onEvent: OnRetryEvent | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
  /** Source of randomness, from 0 to below 1. @default Math.random */
  readonly random: () => number;
}

export const RETRY_DEFAULTS: Readonly<RetryOptions> = Object.freeze<RetryOptions>({
  name: 'retry',
  maxAttempts: 3,
  baseDelayMs: 100,
  maxDelayMs: 10_000,
  jitter: 'full',
  attemptTimeoutMs: undefined,
  totalTimeoutMs: undefined,
  minAttemptMs: 10,
  statuses: RETRY_STATUSES,
  retryError: undefined,
  retryResult: undefined,
  budget: undefined,
  budgetName: undefined,
  inner: Object.freeze([]),
  fetch: undefined,
  idempotencyKeys: false,
  attemptHeader: 'Retry-Attempt',
  retryRetries: false,
  onEvent: undefined,
  clock: systemClock,
  random: Math.random,
});

/** A component's name, as those of the house are. */
export const nameCheck: Check<string> = text({
  expected: 'a name (lower case, digits and hyphens)',
  pattern: /^[a-z][a-z0-9-]*(:[a-z0-9-]+)?$/,
});

export const budgetCheck: Check<RetryBudget> = shape<RetryBudget>('a retryBudget()', ['account']);

const CHECKS: Checks<RetryOptions> = Object.freeze<Checks<RetryOptions>>({
  name: nameCheck,
  maxAttempts: integer({ min: 1, max: 1000 }),
  baseDelayMs: durationMs(),
  maxDelayMs: durationMs(),
  jitter: oneOf('full', 'equal', 'decorrelated', 'none'),
  attemptTimeoutMs: durationMs({ min: 1 }),
  totalTimeoutMs: durationMs({ min: 1 }),
  minAttemptMs: durationMs(),
  statuses: listOf(integer({ min: 100, max: 599 })),
  retryError: func(),
  retryResult: func(),
  budget: budgetCheck,
  budgetName: text(),
  inner: listOf(shape<CallPolicy>('a policy', ['run'])),
  fetch: func<Fetch>(),
  idempotencyKeys: either(boolean(), func<(url: URL) => boolean>()),
  attemptHeader: either(
    // RFC 9110 §5.1: a field name is a token.
    text({ expected: 'a header name', pattern: /^[\w!#$%&'*+.^`|~-]+$/ }),
    oneOf(false),
  ),
  retryRetries: boolean(),
  onEvent: func(),
  clock: clockCheck,
  random: func(),
});

/** @throws OptionError for unknown or wrong options */
export function resolveRetryOptions(
  options: Given<RetryOptions> | undefined,
): Readonly<RetryOptions> {
  return resolveOptions('retry', RETRY_DEFAULTS, CHECKS, options);
}
