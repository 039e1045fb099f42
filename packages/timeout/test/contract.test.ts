import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { timeout, type TimeoutOptions } from '@org/timeout';

middlewareContract<Partial<TimeoutOptions>>('timeout', {
  factory: timeout,
  example: { headerName: 'X-Took-Ms' },
  setup,
});
