import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { earlyReturn, type EarlyReturnOptions } from '@org/early-return';

middlewareContract<Partial<EarlyReturnOptions>>('early-return', {
  factory: earlyReturn,
  example: { pings: ['/ping'], validators: { '/x': { etag: () => 1 } } },
  setup,
});
