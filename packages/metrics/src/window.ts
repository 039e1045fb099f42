/**
 * The last minute or so: time is cut into slices, and whoever records into one that is older than
 * the window clears it first. What is read is the sum of the slices.
 */
import type { Cancel, Clock } from '@org/core';

import { Sketch } from './sketch.ts';

/** Slices of a window. */
export const SLICES = 4;

/** What happened in one slice of time. */
class Slice {
  /** Which slice of all time; nothing has been recorded while it is -1. */
  epoch: number = -1;
  errors: number = 0;
  aborted: number = 0;
  readonly sketch: Sketch = new Sketch();
}

/** What happened within the window. */
export interface Within {
  readonly sketch: Sketch;
  readonly errors: number;
  readonly aborted: number;
}

/** The values of the last slices. An epoch counts slices since the beginning of time. */
export class Window {
  private readonly slices: readonly Slice[] = Array.from({ length: SLICES }, () => new Slice());

  record(value: number, epoch: number): void {
    this.at(epoch).sketch.record(value);
  }

  error(epoch: number): void {
    this.at(epoch).errors++;
  }

  abort(epoch: number): void {
    this.at(epoch).aborted++;
  }

  within(epoch: number): Within {
    const sum = { sketch: new Sketch(), errors: 0, aborted: 0 };
    for (const slice of this.slices) {
      if (slice.epoch <= epoch - SLICES || slice.epoch < 0) continue;
      sum.sketch.merge(slice.sketch);
      sum.errors += slice.errors;
      sum.aborted += slice.aborted;
    }
    return sum;
  }

  private at(epoch: number): Slice {
    const slice = this.slices[epoch % SLICES]!;
    if (slice.epoch !== epoch) {
      slice.epoch = epoch;
      slice.errors = slice.aborted = 0;
      slice.sketch.clear();
    }
    return slice;
  }
}

/** Which slice a time is in, and who wants to know when a new one has begun. */
export class Epochs {
  current: number = 0;
  private readonly sliceMs: number;
  private readonly beginMs: number;
  private readonly begun: ((epoch: number) => void)[] = [];
  private cancel: Cancel | undefined = undefined;

  constructor(windowMs: number, nowMs: number) {
    this.sliceMs = windowMs / SLICES;
    this.beginMs = nowMs;
  }

  /** The slice of a time in monotonic ms. */
  at(nowMs: number): number {
    const epoch = Math.max(0, Math.floor((nowMs - this.beginMs) / this.sliceMs));
    if (epoch > this.current) {
      this.current = epoch;
      for (const listener of this.begun) listener(epoch);
    }
    // Times that are recorded a little late belong to the present.
    return this.current;
  }

  /**
   * Has slices begin on time from now on. Without it the first one who records or reads begins
   * them, and what others had counted by then would belong to the slice before.
   */
  start(clock: Clock): void {
    const nowMs = clock.monotonicMs();
    const nextMs = this.beginMs + (this.at(nowMs) + 1) * this.sliceMs;
    this.cancel = clock.after(Math.ceil(nextMs - nowMs), () => this.start(clock));
  }

  close(): void {
    this.cancel?.();
  }

  onBegin(listener: (epoch: number) => void): void {
    this.begun.push(listener);
  }

  /** The time that a window covers, in ms: all slices but what is left of the one under way. */
  coveredMs(nowMs: number): number {
    const oldest = Math.max(0, this.at(nowMs) - SLICES + 1);
    return Math.max(1, nowMs - this.beginMs - oldest * this.sliceMs);
  }
}
