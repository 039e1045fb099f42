/** What differs between two texts, by line. */
import type { Changes } from './changes.ts';
import { mask } from './mask.ts';

/** Above this many lines on a side, what differs is told as one block: the comparison is quadratic. */
const MAX_LINES = 500;
/** How much of a line is shown. */
const MAX_SHOWN_LENGTH = 300;

/** Lines that were removed stand under their old number, those that came under their new one. */
export function lineChanges(before: string, after: string, changes: Changes): void {
  const [was, is] = [before.split(/\r?\n/), after.split(/\r?\n/)];
  const [one, other] = [was.map(mask), is.map(mask)];
  const least = Math.min(was.length, is.length);
  let start = 0;
  while (start < least && one[start] === other[start]) start++;
  let end = 0;
  while (end < least - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  for (let at = 0; at < start; at++) if (was[at] !== is[at]) changes.masked++;
  for (let at = 1; at <= end; at++) if (was.at(-at) !== is.at(-at)) changes.masked++;
  const [oneLeft, otherLeft] = [
    one.slice(start, one.length - end),
    other.slice(start, other.length - end),
  ];
  for (const { at, isNew } of edits(oneLeft, otherLeft)) {
    const line = start + at;
    changes.add(
      isNew
        ? { part: 'body', at: `line ${line + 1}`, after: cut(is[line]!) }
        : { part: 'body', at: `line ${line + 1}`, before: cut(was[line]!) },
    );
  }
}

interface Edit {
  readonly at: number;
  readonly isNew: boolean;
}

/** The fewest removals and additions that lead from one to the other: what is left of their longest common subsequence. */
function edits(one: readonly string[], other: readonly string[]): Edit[] {
  const removed = one.map((_, at): Edit => ({ at, isNew: false }));
  const added = other.map((_, at): Edit => ({ at, isNew: true }));
  if (one.length > MAX_LINES || other.length > MAX_LINES) return [...removed, ...added];
  const width = other.length + 1;
  const common = new Uint16Array((one.length + 1) * width);
  for (let a = one.length - 1; a >= 0; a--) {
    for (let b = other.length - 1; b >= 0; b--) {
      common[a * width + b] =
        one[a] === other[b]
          ? common[(a + 1) * width + b + 1]! + 1
          : Math.max(common[(a + 1) * width + b]!, common[a * width + b + 1]!);
    }
  }
  const found: Edit[] = [];
  let a = 0;
  let b = 0;
  while (a < one.length || b < other.length) {
    if (a < one.length && b < other.length && one[a] === other[b]) {
      a++;
      b++;
    } else if (
      b >= other.length ||
      (a < one.length && common[(a + 1) * width + b]! >= common[a * width + b + 1]!)
    ) {
      found.push(removed[a++]!);
    } else found.push(added[b++]!);
  }
  return found;
}

function cut(line: string): string {
  return line.length <= MAX_SHOWN_LENGTH ? line : `${line.slice(0, MAX_SHOWN_LENGTH)}…`;
}
