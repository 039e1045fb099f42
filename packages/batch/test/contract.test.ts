import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { batch, batchEndpoint, type BatchEndpointOptions, type BatchOptions } from '@org/batch';

middlewareContract<Partial<BatchOptions>>('batch', {
  factory: batch,
  example: { windowMs: 20, maxBatchSize: 10 },
  setup,
});

middlewareContract<Partial<BatchEndpointOptions>>('batchEndpoint', {
  factory: batchEndpoint,
  example: { path: '/many', maxItems: 5 },
  setup,
});
