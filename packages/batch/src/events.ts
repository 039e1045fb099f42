/**
 * What a batcher tells of itself: each batch that has landed, to `onBatch`, and on the
 * diagnostics channel `@org/batch`. With nobody listening an event is not even made.
 */

/** A batch that has landed. */
export interface BatchEvent {
  /** The batcher's name. */
  readonly name: string;
  /** Keys that the batch function was asked for. */
  readonly keys: number;
  /** Loads that waited for them; several may share a key. */
  readonly loads: number;
  /** How long the batch waited for more, in ms. */
  readonly waitedMs: number;
  /** How long the batch function took, in ms. */
  readonly durationMs: number;
  /** Why the batch failed as a whole; absent where it did not. */
  readonly error?: unknown;
}

/** Hears of batches. What it throws is reported, and changes nothing. */
export type OnBatch = (event: BatchEvent) => unknown;

/** Name of the diagnostics channel; messages are `BatchEvent`s. */
export const BATCH_CHANNEL = '@org/batch';
