/**
 * The text that Prometheus reads: its own format (version 0.0.4) and OpenMetrics 1.0, which has
 * exemplars and units and an end mark. A number of an interval's end is written the same in both,
 * as OpenMetrics asks (`1.0`), so that a scraper that changes its mind finds the same series.
 */
import {
  type Family,
  type HistogramSample,
  labelName,
  type Labels,
  prometheusName,
  sampleName,
  unitWord,
} from './family.ts';
import type { Exemplar } from './histogram.ts';

export const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';
export const OPEN_METRICS_TEXT = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export type Format = 'prometheus' | 'openmetrics';

/** All families as text. Of two that would have the same name the first stands. */
export function exposition(families: readonly Family[], format: Format): string {
  const levels = new Set(
    families.filter(({ kind }) => kind !== 'counter').map((family) => prometheusName(family)),
  );
  const names = new Set<string>();
  let text = '';
  for (const family of families) {
    const full = sampleName(family);
    if (names.has(full) || family.samples.length === 0) continue;
    names.add(full);
    text +=
      format === 'prometheus'
        ? prometheusHead(family, full)
        : openMetricsHead(family, levels.has(prometheusName(family)));
    text += samplesOf(family, full, format);
  }
  return format === 'openmetrics' ? `${text}# EOF\n` : text;
}

function prometheusHead({ kind, help }: Family, name: string): string {
  const type = kind === 'unknown' ? 'untyped' : kind;
  const told = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `# HELP ${name} ${told}\n# TYPE ${name} ${type}\n`;
}

/**
 * OpenMetrics names a counter without the ending of its samples, and escapes quotes in texts too.
 * Beside a level of that name (`queued` and `queuedTotal`) it may not be one: families must not
 * share a name, so it is of unknown type there, and its samples are called as ever.
 */
function openMetricsHead(family: Family, isLevel: boolean): string {
  const { kind, help } = family;
  const isHidden = kind === 'counter' && isLevel;
  const name = isHidden ? sampleName(family) : prometheusName(family);
  const unit = isHidden ? '' : unitWord(family);
  return `# TYPE ${name} ${isHidden ? 'unknown' : kind}\n${unit === '' ? '' : `# UNIT ${name} ${unit}\n`}# HELP ${name} ${escape(help)}\n`;
}

function samplesOf(family: Family, name: string, format: Format): string {
  if (family.kind === 'histogram') {
    const ends = [...family.bounds.map(boundary), '+Inf'];
    return family.samples.map((sample) => histogramLines(name, ends, sample, format)).join('');
  }
  return family.samples
    .map(({ labels, value, suffix = '' }) => {
      const inside = labelText(labels);
      return `${name}${suffix}${inside === '' ? '' : `{${inside}}`} ${number(value)}\n`;
    })
    .join('');
}

function histogramLines(
  name: string,
  ends: readonly string[],
  { labels, counts, sum, exemplars }: HistogramSample,
  format: Format,
): string {
  const inside = labelText(labels);
  const comma = inside === '' ? '' : ',';
  let text = '';
  let upTo = 0;
  for (const [at, end] of ends.entries()) {
    upTo += counts[at]!;
    text += `${name}_bucket{${inside}${comma}le="${end}"} ${upTo}`;
    const exemplar = exemplars[at];
    if (format === 'openmetrics' && exemplar) text += exemplarText(exemplar);
    text += '\n';
  }
  const braces = inside === '' ? '' : `{${inside}}`;
  return `${text}${name}_sum${braces} ${number(sum)}\n${name}_count${braces} ${upTo}\n`;
}

/** OpenMetrics 1.0, "Exemplars": at most 128 characters of labels, which ids of a trace keep well below. */
function exemplarText({ traceId, spanId, value, at }: Exemplar): string {
  return ` # {trace_id="${traceId}",span_id="${spanId}"} ${number(value)} ${at / 1000}`;
}

function labelText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${labelName(name)}="${escape(value)}"`)
    .join(',');
}

function escape(text: string): string {
  // Texts that need it are rare.
  if (!/[\\"\n]/.test(text)) return text;
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

function boundary(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
}
