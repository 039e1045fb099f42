/**
 * What has changed from one capture to another, function by function. Shares of the whole are
 * compared, not amounts, so that captures of different length, and of different load, compare.
 */
import { type CallNode, type CallTree, type CodeFrame, lastingKey } from './call-tree.ts';

/** A function's shares of both captures. */
export interface DiffRow {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** Share of its own in each capture. */
  readonly selfFromRatio: number;
  readonly selfToRatio: number;
  /** How much of the whole it has gained, or lost, itself. */
  readonly selfChangeRatio: number;
  /** Share with all that it called. */
  readonly totalFromRatio: number;
  readonly totalToRatio: number;
  readonly totalChangeRatio: number;
}

interface Share {
  readonly frame: CodeFrame;
  self: number;
  total: number;
}

/** Functions of both trees, those first that have changed most; at most `limit`. */
export function diffTable(from: CallTree, to: CallTree, limit: number): DiffRow[] {
  const [before, after] = [sharesOf(from), sharesOf(to)];
  const rows = [...new Set([...before.keys(), ...after.keys()])].map((key): DiffRow => {
    const [old, now] = [before.get(key), after.get(key)];
    const { name, file, line } = (now ?? old)!.frame;
    const [selfFromRatio, selfToRatio] = [old?.self ?? 0, now?.self ?? 0];
    const [totalFromRatio, totalToRatio] = [old?.total ?? 0, now?.total ?? 0];
    return {
      name,
      file,
      line,
      selfFromRatio,
      selfToRatio,
      selfChangeRatio: selfToRatio - selfFromRatio,
      totalFromRatio,
      totalToRatio,
      totalChangeRatio: totalToRatio - totalFromRatio,
    };
  });
  const change = (row: DiffRow): number => Math.abs(row.selfChangeRatio);
  const totalChange = (row: DiffRow): number => Math.abs(row.totalChangeRatio);
  return rows
    .toSorted((one, other) => change(other) - change(one) || totalChange(other) - totalChange(one))
    .slice(0, limit);
}

/** Every function's shares of the tree. */
function sharesOf({ root }: CallTree): Map<string, Share> {
  const shares = new Map<string, Share>();
  const whole = root.total || 1;
  const above = new Set<string>();
  const visit = ({ frame, self, total, children }: CallNode): void => {
    const key = lastingKey(frame);
    let share = shares.get(key);
    if (share === undefined) {
      share = { frame, self: 0, total: 0 };
      shares.set(key, share);
    }
    share.self += self / whole;
    // A call within a call of its own is part of that one.
    const outermost = !above.has(key);
    if (outermost) {
      share.total += total / whole;
      above.add(key);
    }
    for (const child of children.values()) visit(child);
    if (outermost) above.delete(key);
  };
  for (const child of root.children.values()) visit(child);
  return shares;
}
