/**
 * The application's own metrics: counters, gauges and histograms, declared once with their labels.
 * `labels()` finds the series of some values; whoever records often keeps what it answers, and
 * recording is then an addition.
 */
import { OptionError, report, type TraceContext } from '@org/core';

import { Children, type LabelValues } from './children.ts';
import type { Family, HistogramFamily, Labels, NumberFamily } from './family.ts';
import { Histogram as Buckets } from './histogram.ts';
import type { Overflow } from './overflow.ts';

/** What a metric is declared with. */
export interface MetricOptions {
  /** What it tells, in a sentence. */
  readonly help: string;
  /** Names of its labels. @default [] */
  readonly labels?: readonly string[] | undefined;
}

export interface GaugeOptions extends MetricOptions {
  /** How the values of several processes become one. @default "sum" */
  readonly merge?: 'sum' | 'max' | 'mean' | undefined;
  /** Called when the value is asked for, instead of `set`; only without labels. @default none */
  readonly collect?: (() => number) | undefined;
}

export interface HistogramOptions extends MetricOptions {
  /** Upper ends of the buckets, ascending, in the metric's own unit. @default those of request durations, in s */
  readonly buckets?: readonly number[] | undefined;
}

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

/** A metric with labels: `labels('mail')` or `labels({ kind: 'mail' })`. Without any it is a series itself. */
export interface Labelled<S> {
  readonly name: string;
  /** The series of these values. @throws TypeError for labels that were not declared, and for too few */
  labels(values: LabelValues): S;
  labels(...values: readonly string[]): S;
}

export type Counter = Labelled<CounterSeries> & CounterSeries;
export type Gauge = Labelled<GaugeSeries> & GaugeSeries;
export type Histogram = Labelled<HistogramSeries> & HistogramSeries;

/** Hears of each value of a histogram, for who does not wait until it is asked. */
export type OnObserved = (name: string, help: string, labels: Labels, value: number) => void;

/** More metrics than these are names made of data. */
const MAX_METRICS = 1000;
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Names with two underscores in front belong to Prometheus, `le` and `quantile` to its formats. */
const LABEL_NAME = /^(?!__)(?!(?:le|quantile)$)[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Endings of what a family's samples are called. */
const RESERVED = /_(?:bucket|sum|count|total|created|info)$/;

/** A metric that was declared. */
interface Declared {
  readonly form: string;
  readonly metric: unknown;
  readonly family: () => Family;
}

export class Instruments {
  onObserved: OnObserved | undefined = undefined;
  private readonly declared: Map<string, Declared> = new Map();
  private readonly maxSeries: (name: string) => Overflow;
  private readonly bounds: readonly number[];
  private readonly now: () => { readonly nowMs: number; readonly at: number };
  private readonly isTaken: (name: string) => boolean;

  constructor(
    maxSeries: (name: string) => Overflow,
    bounds: readonly number[],
    now: () => { readonly nowMs: number; readonly at: number },
    isTaken: (name: string) => boolean,
  ) {
    this.maxSeries = maxSeries;
    this.bounds = bounds;
    this.now = now;
    this.isTaken = isTaken;
  }

  counter(name: string, options: MetricOptions): Counter {
    if (!name.endsWith('_total')) {
      throw wrong(name, `the name of a counter ends in "_total"; call it "${name}_total".`);
    }
    const base = name.slice(0, -'_total'.length);
    return this.declare(base, name, 'counter', options, [], (labels) => {
      const children = new Children(name, labels, this.maxSeries(name), (of) => new Count(of));
      const family = (): NumberFamily => ({
        ...headOf(base, options),
        kind: 'counter',
        merge: 'sum',
        samples: children.all.map(({ of, value }) => ({ labels: of, value })),
      });
      return { children, family };
    }) as Counter;
  }

  gauge(name: string, options: GaugeOptions): Gauge {
    const { collect, merge = 'sum' } = options;
    if (collect !== undefined && (options.labels ?? []).length > 0) {
      throw wrong(name, 'a gauge with "collect" has one value, and no labels.');
    }
    return this.declare(name, name, 'gauge', options, [merge], (labels) => {
      const children = new Children(name, labels, this.maxSeries(name), (of) => new Level(of));
      const family = (): NumberFamily => {
        if (collect !== undefined) children.of([]).set(collected(name, collect));
        return {
          ...headOf(name, options),
          kind: 'gauge',
          merge,
          samples: children.all.map(({ of, value }) => ({ labels: of, value })),
        };
      };
      return { children, family };
    }) as Gauge;
  }

  histogram(name: string, options: HistogramOptions): Histogram {
    const bounds = Object.freeze([...(options.buckets ?? this.bounds)]);
    if (!isAscending(bounds)) {
      throw wrong(
        name,
        `"buckets" must be numbers in ascending order, but are ${bounds.join(', ')}.`,
      );
    }
    return this.declare(name, name, 'histogram', options, bounds, (labels) => {
      const make = (of: Labels): Distribution =>
        new Distribution(of, bounds, this.now, (value) =>
          this.onObserved?.(name, options.help, of, value),
        );
      const children = new Children(name, labels, this.maxSeries(name), make);
      const family = (): HistogramFamily => ({
        ...headOf(name, options),
        kind: 'histogram',
        bounds,
        samples: children.all.map(({ of, buckets }) => ({
          labels: of,
          counts: [...buckets.counts],
          sum: buckets.sum,
          exemplars: [...buckets.exemplars],
        })),
      });
      return { children, family };
    }) as Histogram;
  }

  families(): readonly Family[] {
    return [...this.declared.values()].map(({ family }) => family());
  }

  /** Declares a metric, or finds the one that was declared alike. */
  private declare<C extends object>(
    base: string,
    name: string,
    kind: string,
    options: MetricOptions,
    more: readonly unknown[],
    make: (labels: readonly string[]) => {
      readonly children: Children<C>;
      readonly family: () => Family;
    },
  ): unknown {
    const { help, labels = [] } = checked(base, name, options);
    const form = JSON.stringify([kind, help, labels, more]);
    const known = this.declared.get(base);
    if (known !== undefined) {
      if (known.form === form) return known.metric;
      throw wrong(name, 'there is one of that name with other options; give it another name.');
    }
    if (this.isTaken(name)) throw wrong(name, 'the name is taken by what is measured anyway.');
    if (this.declared.size >= MAX_METRICS) {
      throw wrong(
        name,
        `there are ${MAX_METRICS} metrics already; what differs belongs into labels.`,
      );
    }
    const { children, family } = make(labels);
    const metric = labelled(name, labels, children);
    this.declared.set(base, { form, metric, family });
    return metric;
  }
}

/** The metric's own surface: a series if it has no labels, and a way to its series. */
function labelled<C extends object>(
  name: string,
  labels: readonly string[],
  children: Children<C>,
): object {
  const find = (first?: LabelValues | string, ...others: readonly string[]): C =>
    children.of(first === undefined ? [] : typeof first === 'string' ? [first, ...others] : first);
  // Without labels it is its only series, which is there before anything is recorded.
  if (labels.length === 0) return Object.assign(children.of([]), { name, labels: find });
  const refuse = (): never => {
    throw new TypeError(
      `metrics: "${name}" has the labels ${labels.join(', ')}; say which: labels(…).`,
    );
  };
  return { name, labels: find, add: refuse, set: refuse, observe: refuse };
}

class Count implements CounterSeries {
  readonly of: Labels;
  value: number = 0;

  constructor(of: Labels) {
    this.of = of;
  }

  add(by: number = 1): void {
    if (by > 0) this.value += by;
  }
}

class Level implements GaugeSeries {
  readonly of: Labels;
  value: number = 0;

  constructor(of: Labels) {
    this.of = of;
  }

  set(value: number): void {
    this.value = value;
  }

  add(by: number = 1): void {
    this.value += by;
  }
}

class Distribution implements HistogramSeries {
  readonly of: Labels;
  readonly buckets: Buckets;
  private readonly now: () => { readonly nowMs: number; readonly at: number };
  private readonly told: (value: number) => void;

  constructor(
    of: Labels,
    bounds: readonly number[],
    now: () => { readonly nowMs: number; readonly at: number },
    told: (value: number) => void,
  ) {
    this.of = of;
    this.buckets = new Buckets(bounds);
    this.now = now;
    this.told = told;
  }

  observe(value: number, trace?: TraceContext): void {
    if (Number.isNaN(value)) return;
    const bucket = this.buckets.record(value);
    if (trace?.sampled === true) {
      const { nowMs, at } = this.now();
      this.buckets.exemplify(bucket, value, trace, nowMs, () => at);
    }
    this.told(value);
  }
}

function headOf(name: string, { help }: MetricOptions): { name: string; unit: ''; help: string } {
  return { name, unit: '', help };
}

function collected(name: string, collect: () => number): number {
  try {
    return collect();
  } catch (error) {
    report(error, `metrics collect of ${name}`);
    return Number.NaN;
  }
}

function isAscending(bounds: readonly number[]): boolean {
  return (
    bounds.length > 0 &&
    bounds.every((bound, at) => Number.isFinite(bound) && (at === 0 || bound > bounds[at - 1]!))
  );
}

function checked(base: string, name: string, options: MetricOptions): MetricOptions {
  if (!METRIC_NAME.test(name)) {
    throw wrong(name, 'a name has letters, digits, underscores and colons, and no digit in front.');
  }
  if (RESERVED.test(base)) {
    throw wrong(
      name,
      'the ending of the name belongs to the samples of a family; give it another.',
    );
  }
  if (typeof options?.help !== 'string' || options.help === '') {
    throw wrong(name, 'option "help" must be a sentence that tells what it measures.');
  }
  const { labels = [] } = options;
  const odd = labels.find((label, at) => !LABEL_NAME.test(label) || labels.indexOf(label) !== at);
  if (odd !== undefined) {
    throw wrong(
      name,
      `"${odd}" is no name for a label, or stands twice: letters, digits and underscores, not "le" or "quantile", no "__" in front.`,
    );
  }
  return options;
}

function wrong(name: string, problem: string): OptionError {
  return new OptionError('metrics', [`metric "${name}": ${problem}`]);
}
