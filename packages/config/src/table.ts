/** The table as people and programs read it: values masked where they are secret. */
import { showValue } from './mask.ts';
import { expectation } from './parse-value.ts';
import type { Resolved } from './resolve-values.ts';
import type { Setting, Settings } from './setting.ts';
import { originText } from './sources.ts';

/** One setting, described and shown. */
export interface TableRow {
  readonly name: string;
  /** The value as text; empty where there is none, masked where it is secret. */
  readonly value: string;
  /** `default`, `environment`, `code`, or the path of a file. */
  readonly origin: string;
  readonly type: Setting['type'];
  readonly unit?: 's' | 'ms' | 'bytes';
  /** The default as text; empty where there is none. */
  readonly default: string;
  /** What it must be, with its range. */
  readonly expected: string;
  /** Where it goes, such as `cache.ttlMs`. */
  readonly feeds: readonly string[];
  readonly help: string;
}

/** A row for each setting. */
export function tableRows(settings: Settings, resolved: Resolved): readonly TableRow[] {
  return Object.entries(settings).map(([name, setting]) =>
    Object.freeze({
      name,
      value: showValue(setting, resolved.values[name]),
      origin: originText(resolved.origins.get(name)!),
      type: setting.type,
      ...('unit' in setting && setting.unit !== undefined ? { unit: setting.unit } : {}),
      default: showValue(setting, setting.default),
      expected: expectation(setting),
      feeds: Object.freeze((setting.feeds ?? []).map((feed) => `${feed.component}.${feed.option}`)),
      help: setting.help,
    }),
  );
}

/** Rows as columns of text: name, value with its unit, origin. */
export function formatTable(rows: readonly TableRow[]): string {
  const cells = rows.map(({ name, value, unit, origin }) => [
    name,
    value === '' ? '-' : unit === undefined ? value : `${value} ${unit}`,
    origin,
  ]);
  const widths = [0, 1].map((column) => Math.max(0, ...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
