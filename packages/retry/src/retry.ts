/**
 * Calls again what has failed for a moment. As a policy it stands around calls, as `fetch` around
 * requests; as a middleware it stands with the context of a request, counts those that are retries
 * of their caller, and has one life with the rest.
 */
import {
  type Call,
  type CallContext,
  type CallPolicy,
  defineMiddleware,
  type Exchange,
  type Given,
  Listeners,
  type Middleware,
  type Stats,
} from '@org/core';

import { Attempts, NOTHING, type Terms } from './attempts.ts';
import { RETRY_CHANNEL } from './events.ts';
import { type Fetch, resolveRetryOptions, type RetryOptions } from './options.ts';
import { RepeatableFetch } from './repeatable-fetch.ts';
import { retryBudget } from './retry-budget.ts';
import { contextOf, inboundRetries, markerOf } from './retry-marker.ts';
import { Statistics } from './statistics.ts';

/** A retry: a policy around calls, a `fetch`, and a middleware. */
export interface Retry extends Middleware, CallPolicy {
  readonly kind: 'retry';
  /**
   * Makes a call that can be repeated, again if need be. Rejects with the last error, which tells
   * of the attempts (see `failedAttempts`), or with the reason of the caller's signal.
   */
  run<T>(call: Call<T>, context?: CallContext): Promise<T>;
  /** A function that does the same, with retries. For what takes a signal `run` is better. */
  wrap<A extends readonly unknown[], T>(
    work: (...args: A) => Promise<T>,
  ): (...args: A) => Promise<T>;
  /** `fetch`, with retries of what is safe to repeat. */
  readonly fetch: Fetch;
  /** The same for work on a request: it ends with it, in time, and does not retry a retry. */
  fetchFor(exchange: Exchange): Fetch;
  /** What `run` is to know of the request that it works for. */
  contextFor(exchange: Exchange): CallContext;
  /** The headers that tell the next service which attempt this is; none for a first one. */
  headers(context: CallContext): Record<string, string>;
}

/** Makes a retry. @throws OptionError for unknown or wrong options */
export function retry(options?: Given<RetryOptions>): Retry {
  const settings = resolveRetryOptions(options);
  const { name, attemptHeader, clock } = settings;
  const field = attemptHeader === false ? undefined : attemptHeader.toLowerCase();
  const budget = settings.budget ?? retryBudget({ clock });
  const statistics = new Statistics();
  const listeners = new Listeners(RETRY_CHANNEL, settings.onEvent, `${name} onEvent`);
  const attempts = new Attempts(settings, statistics, listeners);
  const repeatable = new RepeatableFetch(settings, attempts, budget);
  const terms: Terms = { repeat: 'always', account: budget.account(settings.budgetName ?? name) };

  const middleware = defineMiddleware({
    name,
    phase: 'context',
    reason: 'requests that are retries are known before anything works for them',
    step({ req }) {
      if (field !== undefined && inboundRetries(req.headers[field]) > 0) {
        statistics.inboundRetriesTotal++;
      }
    },
    stats: (): Stats => statistics.snapshot(attempts.limiter.timedOutTotal),
    close: () => attempts.close(),
  });

  return Object.assign(middleware, {
    kind: 'retry' as const,
    run: <T>(call: Call<T>, context: CallContext = NOTHING): Promise<T> =>
      attempts.run(call, context, terms),
    wrap: <A extends readonly unknown[], T>(work: (...args: A) => Promise<T>) =>
      function (this: unknown, ...args: A): Promise<T> {
        return attempts.run(() => Reflect.apply(work, this, args), NOTHING, terms);
      },
    fetch: repeatable.fetchIn(NOTHING),
    fetchFor: (exchange: Exchange): Fetch => repeatable.fetchFor(exchange),
    contextFor: (exchange: Exchange): CallContext => contextOf(exchange, field),
    headers(context: CallContext): Record<string, string> {
      const marker = markerOf(context);
      return attemptHeader === false || marker === undefined ? {} : { [attemptHeader]: marker };
    },
  });
}
