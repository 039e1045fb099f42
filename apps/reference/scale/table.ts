/** What was found, as a table of Markdown whose columns stand below each other. */
import type { Finding } from './check.ts';

const HEAD = ['check', 'done', 'expected', 'seen', ''] as const;

export function tableOf(findings: readonly Finding[]): string {
  const rows = findings.map(({ check, done, expected, seen, holds }) => [
    check,
    done,
    expected,
    seen,
    holds ? 'holds' : 'FAILS',
  ]);
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, 3, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(HEAD), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
