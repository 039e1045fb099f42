/** Results as a table in Markdown, and that table in its place in the README. */
import { median, pairedRatio, type Ratio, type Samples, valueOf } from './round.ts';

/** A figure that samples have, as a column tells it. */
export interface Figure {
  readonly key: string;
  /** With its unit. */
  readonly title: string;
  readonly digits: number;
  /** A figure that is a ratio itself is not compared once more. */
  readonly alone?: true;
}

/** Medians, and ratios to the contender that comes first. */
export function table(
  samples: Samples,
  labels: ReadonlyMap<string, string>,
  figures: readonly Figure[],
): string {
  const [base = []] = samples.values();
  const head = [
    '',
    ...figures.flatMap(({ title, alone }) => (alone ? [title] : [title, '× first (min–max)'])),
  ];
  const rows = [...samples].map(([name, own]) => [
    labels.get(name) ?? name,
    ...figures.flatMap(({ key, digits, alone }) => {
      const middle = withDigits(median(own.map((sample) => valueOf(sample, key))), digits);
      if (alone) return [middle];
      return [middle, own === base ? '1' : ratioText(pairedRatio(own, base, key))];
    }),
  ]);
  return markdown([head, ...rows]);
}

/** Padded as the formatter would, so that it has nothing to change; numbers to the right. */
export function markdown(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_cell, column) =>
    Math.max(3, ...rows.map((row) => row[column]!.length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  const [head, ...body] = rows;
  return [line(head!), line(rule), ...body.map(line)].join('\n');
}

/**
 * `document` with `text` between the markers of `name`.
 * @throws {Error} where the document has no such markers.
 */
export function withResults(document: string, name: string, text: string): string {
  const begin = `<!-- results:${name} -->`;
  const end = '<!-- /results -->';
  const from = document.indexOf(begin);
  const to = from === -1 ? -1 : document.indexOf(end, from);
  if (to === -1) throw new Error(`there is no place for results: ${begin} … ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`;
}

function ratioText({ median: middle, min, max }: Ratio): string {
  return `${middle.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

function withDigits(value: number, digits: number): string {
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
