/**
 * The condition that a row stands behind a position of a total order. Columns that go one way are
 * compared as rows, which an index answers by going there; where directions mix, or NULLs are still
 * to come, the comparison is written out, with the bound of its first column in front of it.
 */
import { type Fragment, piece, raw } from './fragment.ts';
import { quoted } from './identifier.ts';
import type { Ordered } from './order.ts';

/** What a row has in each column of its order, as text of the server's own; null for NULL. */
export type Position = readonly (string | null)[];

/** What holds for the rows behind `position`. The last column must have no NULLs. */
export function behind(order: readonly Ordered[], position: Position): Fragment {
  return from(0, order, position);
}

function from(at: number, order: readonly Ordered[], position: Position): Fragment {
  if (comparesAsRow(at, order, position)) return rowComparison(at, order, position);
  const one = order[at]!;
  const column = raw(quoted(one.column));
  const rest = from(at + 1, order, position);
  if (position[at] === null) {
    return one.nulls === 'first'
      ? piece`(${column} is not null or ${rest})`
      : piece`(${column} is null and ${rest})`;
  }
  const value = valueOf(one, position[at]);
  const isBehind = raw(one.descending ? '<' : '>');
  if (!nullsFollow(one)) {
    return piece`(${column} ${isBehind}= ${value} and (${column} ${isBehind} ${value} or ${rest}))`;
  }
  return piece`(${column} ${isBehind} ${value} or ${column} is null or (${column} = ${value} and ${rest}))`;
}

/** NULLs come behind its values. They are in no row comparison, which is right where they came before. */
function nullsFollow({ nulls }: Ordered): boolean {
  return nulls === 'last';
}

function comparesAsRow(at: number, order: readonly Ordered[], position: Position): boolean {
  const { descending } = order[at]!;
  for (let next = at; next < order.length; next++) {
    const one = order[next]!;
    // A later column's NULLs are found by being equal in the columns ahead of it, and a row with NULL is not.
    if (one.descending !== descending || nullsFollow(one) || position[next] === null) return false;
  }
  return true;
}

function rowComparison(at: number, order: readonly Ordered[], position: Position): Fragment {
  const rest = order.slice(at);
  const isBehind = raw(rest[0]!.descending ? '<' : '>');
  const columns = raw(rest.map(({ column }) => quoted(column)).join(', '));
  const values = rest
    .map((one, next) => valueOf(one, position[at + next]))
    .reduce((list, value) => piece`${list}, ${value}`);
  return rest.length === 1
    ? piece`${columns} ${isBehind} ${values}`
    : piece`(${columns}) ${isBehind} (${values})`;
}

function valueOf({ type }: Ordered, value: string | null | undefined): Fragment {
  return type === undefined ? piece`${value}` : piece`${value}::text::${raw(type)}`;
}
