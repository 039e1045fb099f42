/**
 * The application's own metrics: counters, gauges and histograms, declared once with their labels.
 * `labels()` finds the series of some values; whoever records often keeps what it answers, and
 * recording is then an addition.
 */
import { type Clock, report } from '@org/core';

import { Children, type LabelValues } from './children.ts';
import {
  type Declaration,
  declaration,
  type GaugeOptions,
  type HistogramOptions,
  type MetricKind,
  type MetricOptions,
  wrongMetric,
} from './declaration.ts';
import type { Family, HistogramFamily, Labels, NumberFamily } from './family.ts';
import {
  Count,
  type CounterSeries,
  Distribution,
  type GaugeSeries,
  type HistogramSeries,
  Level,
} from './metric-series.ts';
import type { Overflow } from './overflow.ts';

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
export type OnObserved = (of: HistogramHead, labels: Labels, value: number) => void;

/** What is the same for all series of a histogram. */
export interface HistogramHead {
  readonly name: string;
  readonly help: string;
  readonly bounds: readonly number[];
}

/** More metrics than these are names made of data. */
const MAX_METRICS = 1000;

/** A metric that was declared. */
interface Declared {
  readonly form: string;
  readonly collect: unknown;
  readonly metric: unknown;
  readonly family: () => Family;
}

export class Instruments {
  onObserved: OnObserved | undefined = undefined;
  private readonly declared: Map<string, Declared> = new Map();
  private readonly newOverflow: () => Overflow;
  private readonly bounds: readonly number[];
  private readonly clock: Clock;
  private readonly isTaken: (name: string) => boolean;

  constructor(
    newOverflow: () => Overflow,
    bounds: readonly number[],
    clock: Clock,
    isTaken: (name: string) => boolean,
  ) {
    this.newOverflow = newOverflow;
    this.bounds = bounds;
    this.clock = clock;
    this.isTaken = isTaken;
  }

  counter(name: string, options: MetricOptions): Counter {
    if (!name.endsWith('_total')) {
      throw wrongMetric(name, `the name of a counter ends in "_total"; call it "${name}_total".`);
    }
    const base = name.slice(0, -'_total'.length);
    return this.declare(base, name, 'counter', options, ({ help, labels }) => {
      const children = new Children(name, labels, this.newOverflow(), (of) => new Count(of));
      const family = (): NumberFamily => ({
        ...headOf(base, help),
        kind: 'counter',
        merge: 'sum',
        samples: children.all.map(({ of, value }) => ({ labels: of, value })),
      });
      return { children, family };
    }) as Counter;
  }

  gauge(name: string, options: GaugeOptions): Gauge {
    return this.declare(name, name, 'gauge', options, ({ help, labels, merge, collect }) => {
      if (collect !== undefined && labels.length > 0) {
        throw wrongMetric(name, 'a gauge with "collect" has one value, and no labels.');
      }
      const children = new Children(name, labels, this.newOverflow(), (of) => new Level(of));
      const family = (): NumberFamily => {
        if (collect !== undefined) children.of([]).set(collected(name, collect));
        return {
          ...headOf(name, help),
          kind: 'gauge',
          merge,
          samples: children.all.map(({ of, value }) => ({ labels: of, value })),
        };
      };
      return { children, family };
    }) as Gauge;
  }

  histogram(name: string, options: HistogramOptions): Histogram {
    return this.declare(name, name, 'histogram', options, ({ help, labels, buckets }) => {
      const bounds = Object.freeze([...(buckets ?? this.bounds)]);
      const head = Object.freeze({ name, help, bounds });
      const tell = (of: Labels, value: number): void => this.onObserved?.(head, of, value);
      const make = (of: Labels): Distribution => new Distribution(of, bounds, this.clock, tell);
      const children = new Children(name, labels, this.newOverflow(), make);
      const family = (): HistogramFamily => ({
        ...headOf(name, help),
        kind: 'histogram',
        bounds,
        samples: children.all.map(({ of, buckets: { counts, sum, exemplars } }) => ({
          labels: of,
          counts: [...counts],
          sum,
          exemplars: [...exemplars],
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
    kind: MetricKind,
    options: object,
    make: (options: Declaration) => {
      readonly children: Children<C>;
      readonly family: () => Family;
    },
  ): unknown {
    const resolved = declaration(base, name, kind, options);
    const form = JSON.stringify([kind, resolved]);
    const known = this.declared.get(base);
    if (known !== undefined) {
      if (known.form === form && known.collect === resolved.collect) return known.metric;
      throw wrongMetric(
        name,
        'there is one of that name with other options; give it another name.',
      );
    }
    if (this.isTaken(name))
      throw wrongMetric(name, 'the name is taken by what is measured anyway.');
    if (this.declared.size >= MAX_METRICS) {
      throw wrongMetric(
        name,
        `there are ${MAX_METRICS} metrics already; what differs belongs into labels.`,
      );
    }
    const { children, family } = make(resolved);
    const metric = labelled(name, resolved.labels, children);
    this.declared.set(base, { form, collect: resolved.collect, metric, family });
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

function headOf(name: string, help: string): { name: string; unit: ''; help: string } {
  return { name, unit: '', help };
}

function collected(name: string, collect: () => number): number {
  try {
    const value: unknown = collect();
    return typeof value === 'number' ? value : Number.NaN;
  } catch (error) {
    report(error, `metrics collect of ${name}`);
    return Number.NaN;
  }
}
