export { type Batch, batch, BATCH_DEFAULTS, type BatchOptions } from './batch.ts';
export type { BatchContext, BatchFunction } from './batch-function.ts';
export { type Batcher, createBatcher } from './batcher.ts';
export {
  BATCHER_DEFAULTS,
  type BatcherOptions,
  type CacheMap,
  type Window,
} from './batcher-options.ts';
export { BATCH_CHANNEL, type BatchEvent, type OnBatch } from './events.ts';
export type { Loader, Loads } from './loader.ts';
export { batchEndpoint } from './endpoint.ts';
export {
  BATCH_ENDPOINT_DEFAULTS,
  type BatchEndpointOptions,
  type ItemMethod,
} from './endpoint-options.ts';
