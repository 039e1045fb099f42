/**
 * What is exported, whatever the format: families of samples, as plain data, so that they can go
 * from one process to another. Names and units are OpenTelemetry's (`http.server.request.duration`
 * in `s`); those of Prometheus follow from them by OpenTelemetry's own rules for compatibility.
 */
import type { Exemplar } from './histogram.ts';

/** Labels by name; the order is that of the text. */
export type Labels = Readonly<Record<string, string>>;

/** UCUM: seconds, bytes, a share, or nothing that could be said. */
export type Unit = 's' | 'By' | '1' | '';

/** How the values of several processes become one. */
export type Merge = 'sum' | 'max' | 'mean';

/** One number. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** What is put behind the name, in a summary: `_sum` or `_count`. */
  readonly suffix?: string;
}

/** One histogram of a family. */
export interface HistogramSample {
  readonly labels: Labels;
  /** Values by bucket, those below not included; one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
  /** By bucket. */
  readonly exemplars: readonly (Exemplar | null | undefined)[];
}

interface FamilyHead {
  readonly name: string;
  readonly unit: Unit;
  readonly help: string;
}

export interface NumberFamily extends FamilyHead {
  readonly kind: 'counter' | 'gauge' | 'summary' | 'unknown';
  readonly merge: Merge;
  readonly samples: readonly Sample[];
}

export interface HistogramFamily extends FamilyHead {
  readonly kind: 'histogram';
  readonly bounds: readonly number[];
  readonly samples: readonly HistogramSample[];
}

export type Family = NumberFamily | HistogramFamily;

const UNIT_WORDS: Readonly<Record<Unit, string>> = Object.freeze({
  s: 'seconds',
  By: 'bytes',
  '1': 'ratio',
  '': '',
});

/** The unit as Prometheus writes it; empty for none. */
export function unitWord({ unit }: Pick<Family, 'unit'>): string {
  return UNIT_WORDS[unit];
}

/** The family's name in Prometheus, without the `_total` that samples of counters have. */
export function prometheusName(family: Pick<Family, 'name' | 'unit'>): string {
  const plain = family.name.replaceAll(/[^a-zA-Z0-9_:]/g, '_');
  const name = /^\d/.test(plain) ? `_${plain}` : plain;
  const unit = unitWord(family);
  return unit === '' || name.endsWith(`_${unit}`) ? name : `${name}_${unit}`;
}

/** What samples of the family are called in Prometheus. Two families may share a name, but not this. */
export function sampleName(family: Pick<Family, 'name' | 'unit' | 'kind'>): string {
  const name = prometheusName(family);
  return family.kind === 'counter' ? `${name}_total` : name;
}

/** A label's name in Prometheus. */
export function labelName(name: string): string {
  const plain = name.replaceAll(/[^a-zA-Z0-9_]/g, '_');
  return /^\d/.test(plain) ? `_${plain}` : plain;
}

/** A family of one or more numbers, in short. */
export function gauge(
  name: string,
  unit: Unit,
  help: string,
  samples: readonly Sample[],
  merge: Merge = 'sum',
): NumberFamily {
  return { name, unit, help, kind: 'gauge', merge, samples };
}

export function counter(
  name: string,
  unit: Unit,
  help: string,
  samples: readonly Sample[],
): NumberFamily {
  return { name, unit, help, kind: 'counter', merge: 'sum', samples };
}

/** A number without labels. */
export function single(value: number): readonly Sample[] {
  return [{ labels: NO_LABELS, value }];
}

export const NO_LABELS: Labels = Object.freeze({});
