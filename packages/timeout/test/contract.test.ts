import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { timeout, type TimeoutOptions } from '@org/timeout';

middlewareContract<Partial<TimeoutOptions>>('timeout', {
  factory: timeout,
  example: { timeoutMs: 1000 },
  setup,
});
