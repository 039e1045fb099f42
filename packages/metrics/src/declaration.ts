/**
 * Declarations of metrics: what is told of one, and what is refused. Names and labels are
 * Prometheus', so that every format can have them.
 */
import {
  type Check,
  type Checks,
  func,
  listOf,
  oneOf,
  OptionError,
  resolveOptions,
  text,
} from '@org/core';

import type { Merge } from './family.ts';

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

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Names with two underscores in front belong to Prometheus, `le` and `quantile` to its formats. */
const LABEL_NAME = /^(?!__)(?!(?:le|quantile)$)[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Options as they are worked with. */
export interface Declaration {
  readonly help: string;
  readonly labels: readonly string[];
  readonly merge: Merge;
  readonly collect: (() => number) | undefined;
  readonly buckets: readonly number[] | undefined;
}

const DEFAULTS: Readonly<Declaration> = Object.freeze<Declaration>({
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

const COMMON: Pick<Checks<Declaration>, 'help' | 'labels'> = {
  help: text({ expected: 'a text that tells what it measures', pattern: /\S/ }),
  labels: listOf(
    text({
      expected:
        'a name of letters, digits and underscores, not "le" or "quantile", and no "__" in front',
      pattern: LABEL_NAME,
    }),
  ),
};

export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** Which options each kind takes. */
const CHECKS: Readonly<Record<MetricKind, Partial<Checks<Declaration>>>> = Object.freeze({
  counter: COMMON,
  gauge: { ...COMMON, merge: oneOf('sum', 'max', 'mean'), collect: func<() => number>() },
  histogram: { ...COMMON, buckets: ascending },
});

/** Endings of what a family's samples are called. */
const RESERVED = /_(?:bucket|sum|count|total|created|info)$/;

/**
 * The options to work with.
 * @param base the name without the ending that samples get
 * @throws OptionError naming the metric, and what is wrong with it
 */
export function declaration(
  base: string,
  name: string,
  kind: MetricKind,
  options: object,
): Declaration {
  if (!METRIC_NAME.test(name)) {
    throw wrongMetric(
      name,
      'a name has letters, digits, underscores and colons, and no digit in front.',
    );
  }
  if (RESERVED.test(base)) {
    throw wrongMetric(
      name,
      'the ending of the name belongs to the samples of a family; give it another.',
    );
  }
  const owner = `metrics: metric "${name}"`;
  const resolved = resolveOptions(owner, DEFAULTS, CHECKS[kind] as Checks<Declaration>, options);
  if (resolved.help === '') {
    throw new OptionError(owner, [
      'option "help" must be a text that tells what it measures, but is absent.',
    ]);
  }
  const { labels } = resolved;
  const twice = labels.find((label, at) => labels.indexOf(label) !== at);
  if (twice !== undefined) throw wrongMetric(name, `the label "${twice}" stands twice.`);
  return Object.freeze({ ...resolved, labels: Object.freeze([...labels]) });
}

/** What is wrong with a declaration. */
export function wrongMetric(name: string, problem: string): OptionError {
  return new OptionError('metrics', [`metric "${name}": ${problem}`]);
}
