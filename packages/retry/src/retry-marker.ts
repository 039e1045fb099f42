/**
 * What services tell each other of attempts, so that only one of them tries again: where each of
 * three services makes three attempts, the last one gets 27. A retry says in a header how many
 * attempts came before it; who is asked by one does not try again itself, and passes the word on.
 */
import type { CallContext, Exchange } from '@org/core';

/** How many attempts came before the request that a field's value came with; 0 for a value of another form. */
export function inboundRetries(value: string | readonly string[] | undefined): number {
  return typeof value === 'string' && /^\d{1,4}$/.test(value) ? Number(value) : 0;
}

/** What calls for a request are told: when to end, and whether somebody tries again already. */
export function contextOf(exchange: Exchange, header: string | undefined): CallContext {
  const retries = header === undefined ? 0 : inboundRetries(exchange.req.headers[header]);
  return {
    signal: exchange.signal,
    deadlineMs: exchange.deadlineMs === Number.POSITIVE_INFINITY ? undefined : exchange.deadlineMs,
    attempt: retries === 0 ? undefined : retries + 1,
  };
}

/** The value of the field for an attempt; nothing for a first one. */
export function markerOf({ attempt = 1 }: CallContext): string | undefined {
  return attempt > 1 ? String(attempt - 1) : undefined;
}
