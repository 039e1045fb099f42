/**
 * How a request is told no: 503 with a problem document (RFC 9457) and a Retry-After
 * (RFC 9110 §10.2.3) that differs from client to client, so that those who were refused
 * together do not come back together. The errors are made once and handed out again: saying
 * no must cost next to nothing, and a stack trace costs more than all the rest.
 */
import { ProblemError } from '@org/core';

import type { Refusal } from './waiter.ts';

/** Codes by reason, and what the client is told. */
const TOLD: Readonly<Record<Refusal, readonly [code: string, detail: string]>> = Object.freeze({
  full: ['ERR_QUEUE_FULL', 'The service is busy, and as many requests wait as may.'],
  evicted: ['ERR_QUEUE_FULL', 'The service is busy, and a more urgent request took the place.'],
  wait: ['ERR_QUEUE_OVERLOADED', 'The service is busy, and waiting would take too long.'],
  codel: ['ERR_QUEUE_OVERLOADED', 'The service is busy, and waiting took too long.'],
  deadline: ['ERR_QUEUE_DEADLINE', 'The service is busy until after the deadline of the request.'],
  timeout: ['ERR_QUEUE_TIMEOUT', 'The service is busy, and the longest wait has passed.'],
  closed: ['ERR_QUEUE_CLOSED', 'This instance of the service is shutting down.'],
});

/** When clients may come back. */
export interface RetryOptions {
  /** The least time that a refused client is told to wait, in ms. */
  readonly retryAfterMs: number;
  /** Up to so much more, at random, in ms. */
  readonly retryAfterSpreadMs: number;
  readonly random: () => number;
}

/** The errors of refusals. */
export class Refusals {
  private readonly options: RetryOptions;
  private readonly made: Map<string, ProblemError> = new Map();

  constructor(options: RetryOptions) {
    this.options = options;
  }

  /** An error that nobody else gets. */
  fresh(reason: Refusal): ProblemError {
    return makeError(reason, this.seconds());
  }

  /** One of as many as there are reasons and seconds of Retry-After. Nobody may change it. */
  shared(reason: Refusal): ProblemError {
    const seconds = this.seconds();
    const key = `${reason} ${seconds}`;
    let error = this.made.get(key);
    if (error === undefined) {
      error = makeError(reason, seconds);
      this.made.set(key, error);
    }
    return error;
  }

  private seconds(): number {
    const { retryAfterMs, retryAfterSpreadMs, random } = this.options;
    return Math.max(1, Math.ceil((retryAfterMs + random() * retryAfterSpreadMs) / 1000));
  }
}

function makeError(reason: Refusal, seconds: number): ProblemError {
  const [code, detail] = TOLD[reason];
  const error = new ProblemError({
    code,
    status: 503,
    detail: `${detail} Try again in ${seconds} s.`,
    expose: true,
    headers: Object.freeze({
      'Retry-After': String(seconds),
      // Whoever comes back on this connection would come back to an instance that ends.
      ...(reason === 'closed' ? { Connection: 'close' } : {}),
    }),
  });
  // Where it was made says nothing, the less so of one that is handed out again.
  error.stack = `${error.name}: ${error.message}`;
  return error;
}
