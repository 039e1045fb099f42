/** The chain as a person reads it: who stands where, and why. */
import type { Placed } from './order.ts';

/** One row of the printout. */
export interface ExplainRow {
  readonly position: number;
  readonly phase: string;
  readonly name: string;
  readonly priority: number;
  /** `on`; `lazy`: not loaded yet; `off`: disabled. */
  readonly state: 'on' | 'lazy' | 'off';
  readonly reason: string;
}

/** The whole printout; `toString()` gives a table. */
export interface Explanation {
  readonly rows: readonly ExplainRow[];
  toString(): string;
}

/** Explains an order. `stateOf` tells the state of each middleware. */
export function explain(
  placed: readonly Placed[],
  stateOf: (name: string) => ExplainRow['state'],
): Explanation {
  let position = 0;
  const rows = placed.map(({ middleware, priority, reason }): ExplainRow => {
    const state = stateOf(middleware.name);
    if (state !== 'off') position++;
    return {
      position: state === 'off' ? 0 : position,
      phase: middleware.phase,
      name: middleware.name,
      priority,
      state,
      reason,
    };
  });
  return Object.freeze({ rows, toString: () => table(rows) });
}

function table(rows: readonly ExplainRow[]): string {
  const cells = rows.map((row) => [
    row.state === 'off' ? '–' : String(row.position),
    row.phase,
    row.name,
    row.state === 'on' ? '' : row.state,
    row.reason,
  ]);
  const all = [['#', 'phase', 'middleware', 'state', 'why here'], ...cells];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
