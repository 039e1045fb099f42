/** Metrics of prom-client, of all its kinds, as families. */
import type { Family, HistogramSample, Labels, Sample } from './family.ts';
import { seriesKey } from './merge-families.ts';

/** A value as prom-client has it. */
export interface PromValue {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string | number>> | undefined;
  readonly metricName?: string | undefined;
  readonly exemplar?:
    | {
        readonly labelSet: Readonly<Record<string, string>>;
        readonly value: number;
        readonly timestamp: number;
      }
    | null
    | undefined;
}

/** A metric as prom-client has it. */
export interface PromMetric {
  name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator?: string;
  readonly values: readonly PromValue[];
}

const MERGES: Readonly<Record<string, 'sum' | 'max' | 'mean'>> = Object.freeze({
  max: 'max',
  average: 'mean',
});

/**
 * A metric of theirs as a family of ours.
 * @param defaults labels that its registry adds
 * @param ending whether its registry has all counters end in `_total`
 */
export function foreignFamily(
  { name, help, type, aggregator = '', values }: PromMetric,
  defaults: Labels,
  ending: boolean,
): Family {
  const labelsOf = (value: PromValue): Record<string, string> =>
    Object.fromEntries(
      Object.entries({ ...defaults, ...value.labels }).map(([key, label]) => [key, String(label)]),
    );
  if (type === 'histogram') return histogramOf(name, help, values, labelsOf);
  // A counter without the ending keeps its name, under which somebody may already look for it.
  const isCounter = type === 'counter' && (ending || name.endsWith('_total'));
  const base = isCounter ? name.replace(/_total$/, '') : name;
  const samples = values.map((value): Sample => {
    const suffix = value.metricName?.slice(name.length) ?? '';
    return {
      labels: labelsOf(value),
      value: value.value,
      ...(type === 'summary' ? { suffix } : {}),
    };
  });
  const kind = isCounter ? 'counter' : type === 'gauge' || type === 'summary' ? type : 'unknown';
  return { name: base, unit: '', help, kind, merge: MERGES[aggregator] ?? 'sum', samples };
}

function histogramOf(
  name: string,
  help: string,
  values: readonly PromValue[],
  labelsOf: (value: PromValue) => Record<string, string>,
): Family {
  const bounds: number[] = [];
  const samples = new Map<
    string,
    { -readonly [K in keyof HistogramSample]: HistogramSample[K] } & { upTo: number[] }
  >();
  for (const value of values) {
    const { le, ...labels } = labelsOf(value);
    const key = seriesKey(labels);
    let sample = samples.get(key);
    if (sample === undefined) {
      sample = { labels, counts: [], sum: 0, exemplars: [], upTo: [] };
      samples.set(key, sample);
    }
    if (value.metricName === `${name}_bucket`) {
      sample.upTo.push(value.value);
      if (le !== '+Inf' && !bounds.includes(Number(le))) bounds.push(Number(le));
    } else if (value.metricName === `${name}_sum`) {
      sample.sum = value.value;
    }
  }
  return {
    name,
    unit: '',
    help,
    kind: 'histogram',
    bounds,
    samples: [...samples.values()].map(({ labels, sum, upTo }) => ({
      labels,
      sum,
      counts: upTo.map((count, at) => count - (upTo[at - 1] ?? 0)),
      exemplars: [],
    })),
  };
}
