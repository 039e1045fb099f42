export { batch, BATCH_DEFAULTS, type BatchOptions } from './batch.ts';
