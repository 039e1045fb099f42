/**
 * Counters of `rate-limiter-flexible`: whatever it stores into (Redis, Valkey, Memcached, Postgres,
 * MySQL, Mongo, DynamoDB, the cluster's primary) counts for the limiter here. Windows and limits
 * are the policies'; of its own options only those that say where counters are kept matter.
 */
import type { Count, CounterStore } from '@org/core';

/** What is used of one of its limiters. */
export interface FlexibleLimiter {
  /** Adds to a counter and answers its state, whatever the limit. */
  penalty(
    key: string,
    points?: number,
    options?: { readonly customDuration: number },
  ): Promise<FlexibleCount>;
}

/** What it answers: a `RateLimiterRes`. */
export interface FlexibleCount {
  readonly consumedPoints: number;
  readonly msBeforeNext: number;
}

/** A store of counters on a limiter of `rate-limiter-flexible`. */
export function flexible(limiter: FlexibleLimiter): CounterStore {
  return {
    async add(key: string, amount: number, windowMs: number): Promise<Count> {
      // It takes whole seconds; a counter may be kept for longer than it is needed.
      const customDuration = Math.ceil(windowMs / 1000);
      const count = await limiter.penalty(key, amount, { customDuration });
      return { value: count.consumedPoints, resetMs: count.msBeforeNext };
    },
  };
}
