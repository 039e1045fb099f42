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

/** A request that was refused, because its route fails. */
export function routeOpen(retryAfterMs: number): ProblemError {
  const headers = retryAfter(retryAfterMs);
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

function retryAfter(ms: number): { readonly 'Retry-After': string } {
  return { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1000))) };
}
