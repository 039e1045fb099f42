export { compose } from '@org/core';
export type { Jitter } from './backoff.ts';
export { type GiveUp, type OnRetryEvent, RETRY_CHANNEL, type RetryEvent } from './events.ts';
export { type FailedAttempts, failedAttempts } from './failed-attempts.ts';
export { type Hedge, hedge } from './hedge.ts';
export { HEDGE_DEFAULTS, type HedgeOptions } from './hedge-options.ts';
export { type Fetch, RETRY_DEFAULTS, type RetryOptions } from './options.ts';
export { type Retry, retry } from './retry.ts';
export {
  type RetryAccount,
  type RetryBudget,
  RETRY_BUDGET_DEFAULTS,
  retryBudget,
  type RetryBudgetOptions,
} from './retry-budget.ts';
export {
  TIME_LIMIT_DEFAULTS,
  type TimeLimit,
  timeLimit,
  type TimeLimitOptions,
} from './time-limit.ts';
export { isTransient, RETRY_STATUSES } from './transient.ts';
