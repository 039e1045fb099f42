import { middlewareContract } from '@org/core/testing';
import { retry, type RetryOptions } from '@org/retry';
import { setup } from '@org/setup';

middlewareContract<Partial<RetryOptions>>('retry', {
  factory: retry,
  example: { maxAttempts: 5, jitter: 'equal' },
  setup,
});
