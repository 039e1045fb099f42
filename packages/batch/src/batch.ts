/**
 * The batchers of an application as one component: what the configuration says holds for all of
 * them, they show their numbers in one place, and they end together. It stands with what handlers
 * use, and does nothing for a request itself: loaders are made when they are first asked for.
 */
import {
  type Checks,
  type Clock,
  defineMiddleware,
  type Given,
  type Middleware,
  OptionError,
  resolveOptions,
  type Stats,
} from '@org/core';

import type { BatchFunction } from './batch-function.ts';
import { type Batcher, createBatcher } from './batcher.ts';
import { BATCHER_CHECKS, BATCHER_DEFAULTS, type BatcherOptions } from './batcher-options.ts';
import type { OnBatch } from './events.ts';

/** What holds for every batcher that is made with it and does not say otherwise. */
export interface BatchOptions {
  /** Keys at which a batch does not wait any longer; `Infinity`: no limit. @default 100 */
  readonly maxBatchSize: number;
  /** The longest that a batch of the adaptive window waits, in ms. @default 50 */
  readonly windowMs: number;
  /** The most keys that one scope remembers. @default 10_000 */
  readonly maxCacheSize: number;
  /** The most keys of one batcher that wait or are being loaded. @default 100_000 */
  readonly maxPending: number;
  /** The most partitions of one batcher that share batches at a time. @default 1000 */
  readonly maxPartitions: number;
  /** How long before the deadline of its most urgent request a batch leaves at the latest, in ms. @default 10 */
  readonly deadlineMarginMs: number;
  /** Told of every batch that has landed. @default nobody */
  readonly onBatch: OnBatch | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

const { maxBatchSize, windowMs, maxCacheSize, maxPending, maxPartitions, deadlineMarginMs } =
  BATCHER_DEFAULTS;
const { onBatch, clock } = BATCHER_DEFAULTS;

export const BATCH_DEFAULTS: Readonly<BatchOptions> = Object.freeze<BatchOptions>({
  maxBatchSize,
  windowMs,
  maxCacheSize,
  maxPending,
  maxPartitions,
  deadlineMarginMs,
  onBatch,
  clock,
});

const CHECKS: Checks<BatchOptions> = Object.freeze<Checks<BatchOptions>>({
  maxBatchSize: BATCHER_CHECKS.maxBatchSize,
  windowMs: BATCHER_CHECKS.windowMs,
  maxCacheSize: BATCHER_CHECKS.maxCacheSize,
  maxPending: BATCHER_CHECKS.maxPending,
  maxPartitions: BATCHER_CHECKS.maxPartitions,
  deadlineMarginMs: BATCHER_CHECKS.deadlineMarginMs,
  onBatch: BATCHER_CHECKS.onBatch,
  clock: BATCHER_CHECKS.clock,
});

/** The component, and how batchers are made with it. */
export interface Batch extends Middleware {
  /**
   * Makes a batcher with these options over the component's own. Once, where the app is made.
   * @throws OptionError for unknown or wrong options, and for a name that is taken
   */
  batcher<K, V>(
    name: string,
    load: BatchFunction<K, V>,
    options?: Given<Omit<BatcherOptions<K>, 'name'>>,
  ): Batcher<K, V>;
}

/** Makes the component. @throws OptionError for unknown or wrong options */
export function batch(options?: Given<BatchOptions>): Batch {
  const settings = resolveOptions('batch', BATCH_DEFAULTS, CHECKS, options);
  const batchers = new Map<string, Pick<Batcher<never, never>, 'stats' | 'close'>>();

  const middleware = defineMiddleware({
    name: 'batch',
    phase: 'session',
    reason: 'handlers load in batches; what is refused before them loads nothing',
    step: () => undefined,
    stats: (): Stats => ({
      batchers: Object.fromEntries([...batchers].map(([name, one]) => [name, one.stats()])),
    }),
    close() {
      for (const batcher of batchers.values()) batcher.close();
    },
  });

  return Object.assign(middleware, {
    batcher<K, V>(
      name: string,
      load: BatchFunction<K, V>,
      own: Given<Omit<BatcherOptions<K>, 'name'>> = {},
    ): Batcher<K, V> {
      if (batchers.has(name)) {
        throw new OptionError('batch', [
          `there is a batcher "${name}" already. Make it once, where the app is made, and ask for(req) of it in each request.`,
        ]);
      }
      const given = Object.entries(own).filter(([, value]) => value !== undefined);
      const made = createBatcher<K, V>(load, { ...settings, ...Object.fromEntries(given), name });
      batchers.set(name, made);
      return made;
    },
  });
}
