import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { batch, type BatchOptions } from '@org/batch';

middlewareContract<Partial<BatchOptions>>('batch', {
  factory: batch,
  example: { windowMs: 20, maxBatchSize: 10 },
  setup,
});
