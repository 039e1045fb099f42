/** A batcher's own numbers. */
import type { Stats } from '@org/core';

/** Counts since the start; a name that ends in `Total` only grows. */
export class Statistics {
  /** Loads whose batch has left, and those that needed none. */
  loadsTotal: number = 0;
  /** Loads that their scope had loaded, or was loading, before. */
  hitsTotal: number = 0;
  /** Loads that share a key with another of the same batch. */
  dedupedTotal: number = 0;
  /** Keys that the batch function was asked for. */
  keysTotal: number = 0;
  batchesTotal: number = 0;
  /** Batches that failed as a whole. */
  failedBatchesTotal: number = 0;
  /** Loads that their request gave up. */
  abandonedTotal: number = 0;
  /** Loads that were refused because too many were pending. */
  refusedTotal: number = 0;
  /** Batches that waited for more. */
  waitedBatchesTotal: number = 0;
  waitedMsTotal: number = 0;
  /** Loads that wait or are being loaded. */
  pending: number = 0;

  snapshot(): Stats {
    const { loadsTotal, hitsTotal, dedupedTotal, keysTotal, batchesTotal } = this;
    const { failedBatchesTotal, abandonedTotal, refusedTotal } = this;
    const { waitedBatchesTotal, waitedMsTotal, pending } = this;
    return {
      loadsTotal,
      hitsTotal,
      dedupedTotal,
      keysTotal,
      batchesTotal,
      meanBatchSize: batchesTotal === 0 ? 0 : keysTotal / batchesTotal,
      failedBatchesTotal,
      abandonedTotal,
      refusedTotal,
      waitedBatchesTotal,
      waitedMsTotal,
      pending,
    };
  }
}
