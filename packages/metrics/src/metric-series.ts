/** The series of the application's own metrics: what is recorded into, as cheaply as may be. */
import type { Clock, TraceContext } from '@org/core';

import type { Labels } from './family.ts';
import { Histogram as Buckets } from './histogram.ts';

/** One series of a counter. */
export interface CounterSeries {
  /** Adds to it. @param by not negative; what is, or is no number, changes nothing @default 1 */
  add(by?: number): void;
}

/** One series of a gauge. */
export interface GaugeSeries {
  set(value: number): void;
  /** @param by may be negative @default 1 */
  add(by?: number): void;
}

/** One series of a histogram. */
export interface HistogramSeries {
  /** Counts a value; what is no number is not. `trace` becomes an exemplar if it is sampled. */
  observe(value: number, trace?: TraceContext): void;
}

export class Count implements CounterSeries {
  readonly of: Labels;
  value: number = 0;

  constructor(of: Labels) {
    this.of = of;
  }

  add(by: number = 1): void {
    // Also for who has no types: a text that was added would spoil the page.
    if (typeof by === 'number' && by > 0) this.value += by;
  }
}

export class Level implements GaugeSeries {
  readonly of: Labels;
  value: number = 0;

  constructor(of: Labels) {
    this.of = of;
  }

  set(value: number): void {
    if (typeof value === 'number') this.value = value;
  }

  add(by: number = 1): void {
    if (typeof by === 'number') this.value += by;
  }
}

export class Distribution implements HistogramSeries {
  readonly of: Labels;
  readonly buckets: Buckets;
  private readonly clock: Clock;
  private readonly tell: (of: Labels, value: number) => void;

  constructor(
    of: Labels,
    bounds: readonly number[],
    clock: Clock,
    tell: (of: Labels, value: number) => void,
  ) {
    this.of = of;
    this.buckets = new Buckets(bounds);
    this.clock = clock;
    this.tell = tell;
  }

  observe(value: number, trace?: TraceContext): void {
    if (typeof value !== 'number' || Number.isNaN(value)) return;
    const bucket = this.buckets.record(value);
    if (trace?.sampled === true) this.buckets.exemplify(bucket, value, trace, this.clock);
    this.tell(this.of, value);
  }
}
