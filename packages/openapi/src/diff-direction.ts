/** Which way a schema is used, and what it means there that it takes less or more than before. */
import type { Comparison, Severity, Side } from './diff-change.ts';

/** `input` is what clients send, `output` what they get. */
export type Direction = 'input' | 'output';

/** Tells of a schema that takes less than before, or more. */
export function tell(
  comparison: Comparison,
  direction: Direction,
  what: string,
  change: 'narrowed' | 'widened',
  side: Side,
  message: string,
): void {
  comparison.add(severityOf(direction, what, change), `${what}-${change}`, side, message);
}

/** Values and bounds that an answer gains surprise only those who rely on knowing them all. */
const MILD: ReadonlySet<string> = new Set(['enum', 'bound', 'form', 'members']);

function severityOf(direction: Direction, what: string, change: 'narrowed' | 'widened'): Severity {
  if (direction === 'input') return change === 'narrowed' ? 'breaking' : 'safe';
  if (change === 'narrowed') return 'safe';
  return MILD.has(what) ? 'risky' : 'breaking';
}

export function show(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}
