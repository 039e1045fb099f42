/** Keyset pages: one begins behind the key where the last one ended, whatever came before it meanwhile. */
import { encodeCursor, type Period } from './cursor.ts';
import type { DeclaredRoute } from './declared-routes.ts';
import type { Made, Page, Told } from './documents.ts';
import { iso, type Query } from './query.ts';

/** The period that a report tells of. */
export function told({ fromAt, toAt }: Period): Made<Told> {
  return { from: iso(fromAt), to: iso(toAt) };
}

/** Cuts a page out of what is in the order of its keys: it begins behind the key where the last one ended. */
export function cut<T>(
  report: string,
  query: Query,
  ordered: readonly T[],
  keyOf: (one: T) => readonly (string | number)[],
): Made<Page<T>> {
  const { after, limit } = query;
  const rest =
    after === undefined ? ordered : ordered.filter((one) => compare(keyOf(one), after) > 0);
  const items = rest.slice(0, limit);
  const last = rest.length > limit ? items.at(-1) : undefined;
  return {
    ...told(query),
    items,
    next:
      last === undefined
        ? null
        : `?limit=${limit}&cursor=${encodeCursor(report, query, keyOf(last))}`,
  };
}

function compare(one: readonly (string | number)[], other: readonly (string | number)[]): number {
  for (const [at, part] of one.entries()) {
    const against = other[at] ?? '';
    if (part < against) return -1;
    if (part > against) return 1;
  }
  return 0;
}

/** Routes in their order, and their methods in theirs. */
export function byName(one: DeclaredRoute, other: DeclaredRoute): number {
  return compare([one.route, one.method], [other.route, other.method]);
}
