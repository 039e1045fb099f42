/** How a call or a request is told no. */
import { ProblemError } from '@org/core';

/**
 * A call that was not made, because the circuit is open. Its text is for the logs: it names what
 * stands behind this service. Where it reaches the error handlers the client gets a 503 with the
 * Retry-After (RFC 9110 §15.6.4, §10.2.3).
 */
export function circuitOpen(breaker: string, state: string, retryAfterMs: number): ProblemError {
  return new ProblemError({
    code: 'ERR_CIRCUIT_OPEN',
    status: 503,
    detail: `The circuit "${breaker}" is ${state}: the call was not made.`,
    headers: retryAfter(retryAfterMs),
  });
}

/**
 * Makes the error of requests that are refused, because their route fails. Those of one second get
 * the same, and nobody may change it: where it was made says nothing, and a stack trace costs more
 * than all the rest of a refusal.
 */
export function routeRefusals(): (retryAfterMs: number) => ProblemError {
  let last = routeOpen(retryAfter(0));
  return (retryAfterMs) => {
    const headers = retryAfter(retryAfterMs);
    if (last.headers['Retry-After'] !== headers['Retry-After']) last = routeOpen(headers);
    return last;
  };
}

function routeOpen(headers: RetryAfter): ProblemError {
  return new ProblemError({
    code: 'ERR_CIRCUIT_OPEN',
    status: 503,
    detail: `This part of the service does not work at the moment. Try again in ${headers['Retry-After']} s.`,
    expose: true,
    headers,
  });
}

/** A call that found no place among those that may run, nor among those that may wait. */
export function bulkheadFull(breaker: string): ProblemError {
  return new ProblemError({
    code: 'ERR_BULKHEAD_FULL',
    status: 503,
    detail: `"${breaker}" has as many calls under way and waiting as it may: the call was not made.`,
    headers: retryAfter(0),
  });
}

interface RetryAfter extends Readonly<Record<string, string>> {
  readonly 'Retry-After': string;
}

function retryAfter(ms: number): RetryAfter {
  return { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1000))) };
}
