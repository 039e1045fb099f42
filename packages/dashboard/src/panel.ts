/**
 * What the page shows, as data: a panel has facts, charts and tables, and the page knows how to
 * draw these, and nothing of components. A new panel is a function on the server.
 */

/** How good a value is; the page shows it by colour and by shape. */
export type Tone = 'good' | 'warn' | 'bad';

/** How a value is written. `time` is in ms since the epoch, `rate` a number per second. */
export type Unit = 'bytes' | 'count' | 'ms' | 'rate' | 'ratio' | 'text' | 'time';

/** What a cell or a fact holds; nothing where it is not known. */
export type Value = number | string | undefined;

/** One value with a name. */
export interface Fact {
  readonly label: string;
  readonly unit: Unit;
  readonly value: Value;
  readonly tone?: Tone | undefined;
}

/** One line of a chart. */
export interface Series {
  /** Unique on the page; the past is kept under it. */
  readonly key: string;
  readonly label: string;
  readonly value: number | undefined;
  /** What the line itself stands for, such as errors. */
  readonly tone?: Tone;
}

/** Lines over time that share a unit. */
export interface Chart {
  readonly title: string;
  readonly unit: Unit;
  readonly series: readonly Series[];
}

export interface Column {
  readonly label: string;
  readonly unit: Unit;
}

/** A row: its cells in the order of the columns, and how it is. */
export interface Row {
  readonly cells: readonly Value[];
  /** The unit of its numbers, where rows differ. @default that of the column */
  readonly unit?: Unit | undefined;
  readonly tone?: Tone | undefined;
}

export interface Table {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Rows that were left out. */
  readonly more?: number | undefined;
}

/** One middleware of the pipeline and the time it keeps a request, in ms. */
export interface Stage {
  readonly name: string;
  readonly phase: string | undefined;
  readonly calls: number | undefined;
  readonly errors: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
}

/** A part of the page. */
export interface Panel {
  /** Unique; the fragment of its address. */
  readonly id: string;
  readonly title: string;
  /** The worst of what it shows. */
  readonly tone?: Tone | undefined;
  /** Takes the whole width. */
  readonly wide?: boolean;
  /** One sentence, where there is something to explain. */
  readonly note?: string | undefined;
  readonly facts?: readonly Fact[];
  readonly charts?: readonly Chart[];
  readonly tables?: readonly Table[];
  readonly waterfall?: readonly Stage[];
}

/** What the page shows of one moment. */
export interface State {
  /** When it was, in ms since the epoch. */
  readonly at: number;
  /** How soon the next one is to be expected, in ms. */
  readonly intervalMs: number;
  /** What the whole is doing; absent where there is none. */
  readonly state: string | undefined;
  /** Which process this is, and for how long. */
  readonly process: { readonly host: string; readonly pid: number; readonly uptimeMs: number };
  readonly panels: readonly Panel[];
}

/** Rows of a table that are sent at most; what is longer is for reports, not for a glance. */
export const MAX_ROWS = 20;

/** A table of at most `MAX_ROWS` rows; nothing where there is none. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly Row[],
): readonly Table[] {
  if (rows.length === 0) return [];
  const more = rows.length - MAX_ROWS;
  return [{ caption, columns, rows: rows.slice(0, MAX_ROWS), more: more > 0 ? more : undefined }];
}

/** Those of several facts that are known; for what not every version of a component tells. */
export function known(facts: readonly Fact[]): readonly Fact[] {
  return facts.filter(({ value }) => value !== undefined);
}

/** The tone of a value that is the worse the higher it is. */
export function above(value: number | undefined, warn: number, bad: number): Tone | undefined {
  if (value === undefined || value < warn) return undefined;
  return value < bad ? 'warn' : 'bad';
}

/** The worst of several tones. */
export function worst(tones: readonly (Tone | undefined)[]): Tone | undefined {
  return (['bad', 'warn', 'good'] as const).find((tone) => tones.includes(tone));
}
