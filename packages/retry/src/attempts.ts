/**
 * The attempts of a call. The first costs next to nothing; whatever decides about others runs only
 * once it has failed: is it worth another, may there be one, when, and would it end in time.
 */
import {
  type Call,
  type CallContext,
  type CallPolicy,
  compose,
  type ComposedPolicy,
  type Listeners,
} from '@org/core';

import { DELAYS } from './backoff.ts';
import { discard, isAnswer } from './bodies.ts';
import type { GiveUp, RetryEvent } from './events.ts';
import { annotate } from './failed-attempts.ts';
import type { RetryOptions } from './options.ts';
import { waitAskedMs } from './retry-after.ts';
import type { RetryAccount } from './retry-budget.ts';
import type { Statistics } from './statistics.ts';
import { deadlinePassed, TimeLimiter } from './time-limit.ts';
import { isTransient, wasNeverSent } from './transient.ts';
import { Waits } from './waits.ts';

/** What may be done about a call that fails. */
export interface Terms {
  /** `always`: it can be repeated. `unsent`: only where it never left. `never`: it cannot be made twice. */
  readonly repeat: 'always' | 'unsent' | 'never';
  /** Pays for its retries. */
  readonly account: RetryAccount;
}

/** An attempt that was no success: it threw `value`, or `value` is a result that is none. */
interface Failure {
  readonly value: unknown;
  readonly thrown: boolean;
}

/** Nothing is known of the caller. */
export const NOTHING: CallContext = Object.freeze({});
const FIRST: CallContext = Object.freeze({ attempt: 1 });

export class Attempts {
  readonly limiter: TimeLimiter;
  private readonly waits: Waits;
  private readonly settings: Readonly<RetryOptions>;
  private readonly statistics: Statistics;
  private readonly listeners: Listeners<RetryEvent>;
  private readonly around: ComposedPolicy | undefined;
  /** The same for what must not be made twice. */
  private readonly aroundOnce: ComposedPolicy | undefined;

  constructor(
    settings: Readonly<RetryOptions>,
    statistics: Statistics,
    listeners: Listeners<RetryEvent>,
  ) {
    this.settings = settings;
    this.statistics = statistics;
    this.listeners = listeners;
    this.limiter = new TimeLimiter(settings.clock);
    this.waits = new Waits(settings.clock);
    this.around = composed(settings.inner);
    this.aroundOnce = composed(settings.inner.filter(({ kind }) => kind !== 'hedge'));
  }

  run<T>(call: Call<T>, context: CallContext, terms: Terms): Promise<T> {
    this.statistics.callsTotal++;
    terms.account.noteCall();
    const { deadlineMs, signal } = context;
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    let limitMs = this.settings.totalTimeoutMs;
    if (deadlineMs !== undefined) {
      const leftMs = deadlineMs - this.settings.clock.monotonicMs();
      if (leftMs <= 0) return Promise.reject(deadlinePassed());
      // A caller with a signal ends the call by it.
      if (signal === undefined) limitMs = Math.min(leftMs, limitMs ?? leftMs);
    }
    if (limitMs === undefined) return this.loop(call, context, terms);
    return this.limiter.run((inner) => this.loop(call, inner, terms), context, limitMs);
  }

  /** Ends all waits for a next attempt; calls then have one. */
  close(): void {
    this.waits.close();
  }

  private async loop<T>(call: Call<T>, context: CallContext, terms: Terms): Promise<T> {
    const { clock } = this.settings;
    const { listeners, statistics } = this;
    const { attempt: first = 1 } = context;
    const reasons: unknown[] = [];
    let lastMs = 0;
    for (let attempts = 1; ; attempts++) {
      const told =
        context === NOTHING && attempts === 1
          ? FIRST
          : { ...context, attempt: first + attempts - 1 };
      const beganMs = listeners.listening ? clock.monotonicMs() : undefined;
      let failure: Failure;
      try {
        const value = await this.attempt(call, told, terms);
        if (beganMs !== undefined) this.tell(attempts, beganMs, { value, thrown: false });
        if (!this.isFailure(value)) {
          if (attempts > 1) statistics.recoveredTotal++;
          return value;
        }
        failure = { value, thrown: false };
      } catch (error) {
        failure = { value: error, thrown: true };
        if (beganMs !== undefined) this.tell(attempts, beganMs, failure);
      }
      const next = this.decide(failure, attempts, lastMs, context, terms);
      if (typeof next !== 'number') {
        return this.end(failure, attempts, reasons, next) as T;
      }
      reasons.push(reasonOf(failure));
      await this.rest(failure, attempts, next, context);
      lastMs = next;
    }
  }

  private attempt<T>(call: Call<T>, context: CallContext, { repeat }: Terms): Promise<T> {
    const { attemptTimeoutMs } = this.settings;
    const around = repeat === 'always' ? this.around : this.aroundOnce;
    // Innermost: a circuit around it takes what is too long for a failure, not for a caller who left.
    const limited: Call<T> =
      attemptTimeoutMs === undefined
        ? call
        : (inner) => this.limiter.run(call, inner, attemptTimeoutMs);
    return around === undefined ? limited(context) : around.run(limited, context);
  }

  /** The wait before the next attempt in ms; else why there is none, or nothing where none would help. */
  private decide(
    failure: Failure,
    attempts: number,
    lastMs: number,
    context: CallContext,
    { repeat, account }: Terms,
  ): number | GiveUp | undefined {
    const { maxAttempts, maxDelayMs, baseDelayMs, minAttemptMs, clock, random } = this.settings;
    if (context.signal?.aborted === true || !this.mayHelp(failure, repeat)) return undefined;
    if (context.attempt !== undefined && !this.settings.retryRetries) return 'nested';
    if (attempts >= maxAttempts) return 'attempts';
    if (this.waits.closed) return 'closed';
    const askedMs = waitAskedMs(failure.value, clock);
    if (askedMs !== undefined && askedMs > maxDelayMs) return 'retry-after';
    // Those who were asked to come back at one time come a little apart.
    const delayMs =
      askedMs === undefined
        ? DELAYS[this.settings.jitter](this.settings, attempts, lastMs)
        : askedMs + random() * baseDelayMs;
    const { deadlineMs = Number.POSITIVE_INFINITY } = context;
    if (clock.monotonicMs() + delayMs + minAttemptMs > deadlineMs) return 'deadline';
    return account.take() ? delayMs : 'budget';
  }

  /** Whether another attempt may come to something else, and does no harm. */
  private mayHelp({ value, thrown }: Failure, repeat: Terms['repeat']): boolean {
    if (repeat === 'never') return false;
    if (!thrown) return repeat === 'always';
    if (repeat === 'unsent' && !wasNeverSent(value)) return false;
    const { retryError, statuses } = this.settings;
    return retryError === undefined ? isTransient(value, statuses) : retryError(value);
  }

  private isFailure(result: unknown): boolean {
    const { retryResult, statuses } = this.settings;
    if (retryResult !== undefined) return retryResult(result);
    return isAnswer(result) && statuses.includes(result.status);
  }

  /** Waits, and gives back meanwhile what the failure holds. */
  private async rest(
    failure: Failure,
    attempts: number,
    delayMs: number,
    { signal }: CallContext,
  ): Promise<void> {
    const { name } = this.settings;
    const reason = reasonOf(failure);
    if (this.listeners.listening) {
      this.listeners.tell({ type: 'retry', name, attempt: attempts + 1, delayMs, reason });
    }
    const stop = discard(failure.value);
    try {
      await this.waits.wait(delayMs, signal, failure.value);
      this.statistics.retriesTotal++;
    } finally {
      stop();
    }
  }

  private end(
    failure: Failure,
    attempts: number,
    reasons: readonly unknown[],
    why: GiveUp | undefined,
  ): unknown {
    if (why !== undefined) {
      this.statistics.gaveUp[why]++;
      const { name } = this.settings;
      const reason = reasonOf(failure);
      if (this.listeners.listening) {
        this.listeners.tell({ type: 'gave-up', name, attempts, why, reason });
      }
    }
    if (!failure.thrown) return failure.value;
    if (why !== undefined || attempts > 1) annotate(failure.value, attempts, why, reasons);
    throw failure.value;
  }

  private tell(attempt: number, beganMs: number, failure: Failure): void {
    const { name, clock } = this.settings;
    const { value, thrown } = failure;
    const told = thrown ? { error: value } : isAnswer(value) ? { status: value.status } : {};
    const durationMs = clock.monotonicMs() - beganMs;
    this.listeners.tell({ type: 'attempt', name, attempt, durationMs, ...told });
  }
}

function composed(policies: readonly CallPolicy[]): ComposedPolicy | undefined {
  return policies.length === 0 ? undefined : compose(...policies);
}

/** What is kept of a failure: the error, or of an answer its status. */
function reasonOf({ value, thrown }: Failure): unknown {
  return !thrown && isAnswer(value) ? value.status : value;
}
