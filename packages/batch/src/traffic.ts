/** What the lanes of one batcher have in common, the bound on all of them among it. */
import { type Listeners, ProblemError } from '@org/core';

import type { BatchFunction } from './batch-function.ts';
import type { Batch } from './batch-of-loads.ts';
import type { BatcherOptions } from './batcher-options.ts';
import type { BatchEvent } from './events.ts';
import type { Statistics } from './statistics.ts';
import type { WindowTimer } from './window-timer.ts';

/** What the lanes of one batcher have in common. */
export interface Traffic<K, V> {
  readonly load: BatchFunction<K, V>;
  readonly options: Readonly<BatcherOptions<K>>;
  /** Whether batches wait for more while another one is under way. */
  readonly adaptive: boolean;
  readonly schedule: (dispatch: () => void) => void;
  readonly timer: WindowTimer;
  readonly statistics: Statistics;
  readonly listeners: Listeners<BatchEvent>;
  /** Nothing waits any longer. */
  closed: boolean;
}

/** What is told of a batch that has landed. */
export function landing<K, V>(
  batch: Batch<K, V>,
  { name, clock }: Readonly<BatcherOptions<K>>,
  error: unknown,
): BatchEvent {
  const { keys, entries, waitsSinceMs, leftMs } = batch;
  return {
    name,
    keys: keys.length,
    loads: entries.length,
    waitedMs: leftMs - waitsSinceMs,
    // Who begins to listen while it is under way was not there when it left.
    durationMs: leftMs === -1 ? 0 : clock.monotonicMs() - leftMs,
    ...(error === undefined ? {} : { error }),
  };
}

/** Why a load is not let in: too many are pending. */
export function refusal<K, V>({ statistics, options }: Traffic<K, V>): ProblemError | undefined {
  if (statistics.pending < options.maxPending) return undefined;
  statistics.refusedTotal++;
  return tooMany(options.name, options.maxPending);
}

function tooMany(name: string, maxPending: number): ProblemError {
  return new ProblemError({
    code: 'ERR_BATCH_FULL',
    status: 503,
    detail: `${name}: ${maxPending} loads are pending, which is as many as are kept. Try again later.`,
    headers: { 'Retry-After': '1' },
  });
}
