import { middlewareContract } from '@org/core/testing';
import { rateLimit, type RateLimitOptions } from '@org/rate-limit';
import { setup } from '@org/setup';

middlewareContract<Partial<RateLimitOptions>>('rate-limit', {
  factory: rateLimit,
  example: { limit: 10, algorithm: 'gcra', adaptive: true },
  setup,
});
