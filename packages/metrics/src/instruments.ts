/**
 * The application's own metrics: counters, gauges and histograms, declared once with their labels.
 * `labels()` finds the series of some values; whoever records often keeps what it answers, and
 * recording is then an addition.
 */
import {
  type Check,
  type Checks,
  type Clock,
  func,
  listOf,
  oneOf,
  OptionError,
  report,
  resolveOptions,
  text,
  type TraceContext,
} from '@org/core';

import { Children, type LabelValues } from './children.ts';
import type { Family, HistogramFamily, Labels, Merge, NumberFamily } from './family.ts';
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
  readonly merge?: Merge | undefined;
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
/** Options as they are worked with. */
interface Resolved {
  readonly help: string;
  readonly labels: readonly string[];
  readonly merge: Merge;
  readonly collect: (() => number) | undefined;
  readonly buckets: readonly number[] | undefined;
}

const DEFAULTS: Readonly<Resolved> = Object.freeze<Resolved>({
  help: '',
  labels: Object.freeze([]),
  merge: 'sum',
  collect: undefined,
  buckets: undefined,
});

const ascending: Check<readonly number[]> = {
  expected: 'a list of numbers in ascending order',
  accepts: (value): value is readonly number[] =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((bound, at) => Number.isFinite(bound) && (at === 0 || bound > value[at - 1])),
};

const COMMON: Pick<Checks<Resolved>, 'help' | 'labels'> = {
  help: text({ expected: 'a text that tells what it measures', pattern: /\S/ }),
  labels: listOf(
    text({
      expected:
        'a name of letters, digits and underscores, not "le" or "quantile", and no "__" in front',
      pattern: LABEL_NAME,
    }),
  ),
};

/** Which options each kind takes. */
const CHECKS = Object.freeze({
  counter: COMMON,
  gauge: { ...COMMON, merge: oneOf('sum', 'max', 'mean'), collect: func<() => number>() },
  histogram: { ...COMMON, buckets: ascending },
});

/** Endings of what a family's samples are called. */
const RESERVED = /_(?:bucket|sum|count|total|created|info)$/;

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
      throw wrong(name, `the name of a counter ends in "_total"; call it "${name}_total".`);
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
        throw wrong(name, 'a gauge with "collect" has one value, and no labels.');
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
      const tell = (of: Labels, value: number): void => this.onObserved?.(name, help, of, value);
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
    kind: keyof typeof CHECKS,
    options: object,
    make: (options: Resolved) => {
      readonly children: Children<C>;
      readonly family: () => Family;
    },
  ): unknown {
    const resolved = checked(base, name, kind, options);
    const form = JSON.stringify([kind, resolved]);
    const known = this.declared.get(base);
    if (known !== undefined) {
      if (known.form === form && known.collect === resolved.collect) return known.metric;
      throw wrong(name, 'there is one of that name with other options; give it another name.');
    }
    if (this.isTaken(name)) throw wrong(name, 'the name is taken by what is measured anyway.');
    if (this.declared.size >= MAX_METRICS) {
      throw wrong(
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
    if (Number.isNaN(value)) return;
    const bucket = this.buckets.record(value);
    if (trace?.sampled === true) this.buckets.exemplify(bucket, value, trace, this.clock);
    this.tell(this.of, value);
  }
}

function headOf(name: string, help: string): { name: string; unit: ''; help: string } {
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

function checked(base: string, name: string, kind: keyof typeof CHECKS, options: object): Resolved {
  if (!METRIC_NAME.test(name)) {
    throw wrong(name, 'a name has letters, digits, underscores and colons, and no digit in front.');
  }
  if (RESERVED.test(base)) {
    throw wrong(
      name,
      'the ending of the name belongs to the samples of a family; give it another.',
    );
  }
  const owner = `metrics: metric "${name}"`;
  const resolved = resolveOptions(owner, DEFAULTS, CHECKS[kind] as Checks<Resolved>, options);
  if (resolved.help === '') {
    throw new OptionError(owner, [
      'option "help" must be a text that tells what it measures, but is absent.',
    ]);
  }
  const { labels } = resolved;
  const twice = labels.find((label, at) => labels.indexOf(label) !== at);
  if (twice !== undefined) throw wrong(name, `the label "${twice}" stands twice.`);
  return Object.freeze({ ...resolved, labels: Object.freeze([...labels]) });
}

function wrong(name: string, problem: string): OptionError {
  return new OptionError('metrics', [`metric "${name}": ${problem}`]);
}
