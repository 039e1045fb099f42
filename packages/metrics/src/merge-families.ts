/**
 * The families of several processes as one: counters, histograms and most gauges add up, other
 * gauges become the largest or the mean, as their family says. What two processes count in
 * different buckets is not put together: the first one's stands.
 */
import {
  type Family,
  type HistogramFamily,
  type HistogramSample,
  type Labels,
  type NumberFamily,
  type Sample,
  sampleName,
} from './family.ts';

/** Merges, the first one's order and texts first. */
export function mergeFamilies(parts: readonly (readonly Family[])[]): readonly Family[] {
  if (parts.length === 1) return parts[0]!;
  const byName = new Map<string, Family[]>();
  for (const family of parts.flat()) {
    const name = sampleName(family);
    const known = byName.get(name);
    if (known === undefined) byName.set(name, [family]);
    else known.push(family);
  }
  return [...byName.values()].map(([first, ...others]) => {
    if (others.length === 0) return first!;
    return first!.kind === 'histogram'
      ? mergeHistograms(
          first!,
          others.filter((one) => isAlike(first as HistogramFamily, one)),
        )
      : mergeNumbers(first!, others.filter((one) => one.kind === first!.kind) as NumberFamily[]);
  });
}

/** What of a process remains once it has gone: what only grows must not fall. */
export function cumulative(families: readonly Family[]): readonly Family[] {
  return families.flatMap((family) => {
    if (family.kind === 'gauge') return [];
    if (family.kind !== 'summary') return [family];
    // Of a summary only the sum and the count grow.
    return [{ ...family, samples: family.samples.filter(({ suffix }) => Boolean(suffix)) }];
  });
}

function isAlike(one: HistogramFamily, other: Family): other is HistogramFamily {
  return other.kind === 'histogram' && String(other.bounds) === String(one.bounds);
}

/** Labels as one text, in whatever order they stand. */
export function seriesKey(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function keyOf({ labels, suffix = '' }: Pick<Sample, 'labels' | 'suffix'>): string {
  return suffix + seriesKey(labels);
}

function mergeNumbers(first: NumberFamily, others: readonly NumberFamily[]): NumberFamily {
  const merged = new Map<string, { sample: Sample; value: number; processes: number }>();
  for (const { samples } of [first, ...others]) {
    for (const sample of samples) {
      const key = keyOf(sample);
      const known = merged.get(key);
      if (known === undefined) {
        merged.set(key, { sample, value: sample.value, processes: 1 });
        continue;
      }
      known.processes++;
      // Quantiles of a summary cannot be put together: the largest is what somebody has waited.
      const largest = first.merge === 'max' || 'quantile' in sample.labels;
      known.value = largest ? Math.max(known.value, sample.value) : known.value + sample.value;
    }
  }
  return {
    ...first,
    samples: [...merged.values()].map(({ sample, value, processes }) => ({
      ...sample,
      value: first.merge === 'mean' ? value / processes : value,
    })),
  };
}

function mergeHistograms(
  first: HistogramFamily,
  others: readonly HistogramFamily[],
): HistogramFamily {
  const merged = new Map<string, HistogramSample>();
  for (const { samples } of [first, ...others]) {
    for (const sample of samples) {
      const key = keyOf(sample);
      const known = merged.get(key);
      merged.set(key, known === undefined ? sample : addHistograms(known, sample));
    }
  }
  return { ...first, samples: [...merged.values()] };
}

function addHistograms(one: HistogramSample, other: HistogramSample): HistogramSample {
  return {
    labels: one.labels,
    counts: one.counts.map((count, at) => count + other.counts[at]!),
    sum: one.sum + other.sum,
    exemplars: one.counts.map((_, at) => one.exemplars[at] ?? other.exemplars[at]),
  };
}
