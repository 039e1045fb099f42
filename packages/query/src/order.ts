/**
 * The order of a list, made total: behind the columns that somebody asked for stands a key that is
 * unique, so that no two rows are in the same place.
 */
import {
  type Check,
  type Checks,
  listOf,
  oneOf,
  OptionError,
  resolveOptions,
  text,
} from '@org/core';

import { identifier } from './identifier.ts';

/** One column of an order, as it is given. */
export interface OrderColumn {
  /** Its name; with its table's where a statement joins: `trips.created_at`. */
  readonly column: string;
  /** @default "asc" */
  readonly direction?: 'asc' | 'desc' | undefined;
  /**
   * Where NULLs stand; `none` promises that there are none, which lets an index find the page
   * wherever it is. @default where Postgres puts them: last when ascending, first when descending
   */
  readonly nulls?: 'first' | 'last' | 'none' | undefined;
  /** Its type, where a driver cannot do without: booleans on PGlite. @default what the server infers */
  readonly type?: string | undefined;
}

/** One column of a total order. */
export interface Ordered {
  readonly column: string;
  readonly descending: boolean;
  readonly nulls: 'first' | 'last' | 'none';
  readonly type: string | undefined;
}

type Settled = { readonly [K in keyof OrderColumn]-?: OrderColumn[K] };

const DEFAULTS: Settled = Object.freeze({
  column: '',
  direction: undefined,
  nulls: undefined,
  type: undefined,
});
const CHECKS: Checks<Settled> = {
  column: identifier,
  direction: oneOf('asc', 'desc'),
  nulls: oneOf('first', 'last', 'none'),
  type: text({ expected: 'a type such as "boolean"', pattern: /^[a-z_][\w ."(),]*$/i }),
};

/** Columns of an order. */
export const orderColumns: Check<readonly OrderColumn[]> = listOf<OrderColumn>({
  expected: 'a column such as { column: "created_at", direction: "desc" }',
  accepts: (value): value is OrderColumn => typeof value === 'object' && value !== null,
});

/** @throws OptionError for what is no column */
export function orderedColumn(owner: string, given: OrderColumn): Ordered {
  const { column, direction, nulls, type } = resolveOptions(owner, DEFAULTS, CHECKS, given);
  if (column === '')
    throw new OptionError(owner, ['option "column" is needed: the name of a column.']);
  const descending = direction === 'desc';
  return { column, descending, nulls: nulls ?? (descending ? 'first' : 'last'), type };
}

/**
 * The columns of a total order: those behind a key of one column are left out, as no two rows get
 * that far, and a key that is not among them stands last, in the direction of its neighbour.
 * @throws OptionError for what is no column
 */
export function totalOrder(
  owner: string,
  given: readonly OrderColumn[],
  key: string | readonly string[],
): readonly Ordered[] {
  const keys = typeof key === 'string' ? [key] : key;
  const columns: Ordered[] = [];
  const missing = new Set(keys);
  for (const one of given) {
    if (missing.size === 0) break;
    const column = orderedColumn(owner, one);
    if (columns.some((other) => other.column === column.column)) {
      throw new OptionError(owner, [`column "${column.column}" stands twice in "orderBy".`]);
    }
    // What tells rows apart has no NULLs.
    columns.push(missing.delete(column.column) ? { ...column, nulls: 'none' } : column);
  }
  const descending = columns.at(-1)?.descending ?? false;
  for (const column of missing)
    columns.push({ column, descending, nulls: 'none', type: undefined });
  return columns;
}

/** The same rows from the other end. */
export function reversed(order: readonly Ordered[]): readonly Ordered[] {
  return order.map((one) => ({
    ...one,
    descending: !one.descending,
    nulls: one.nulls === 'none' ? 'none' : one.nulls === 'first' ? 'last' : 'first',
  }));
}
