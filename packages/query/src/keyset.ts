/**
 * Keyset pagination: a page begins behind the last row of the one before, found by its place in the
 * order. Pages stay right while rows come and go, and the thousandth costs what the first does. Places
 * are read as text of the server's own, so that microseconds, `numeric` and `bigint` stay exact.
 */
import {
  type Check,
  type Checks,
  either,
  type Given,
  integer,
  listOf,
  OptionError,
  resolveOptions,
  text,
} from '@org/core';

import { Cursors, invalid } from './cursor.ts';
import { type Fragment, numbered, raw } from './fragment.ts';
import { identifier, quoted } from './identifier.ts';
import { type OrderColumn, orderColumns, type Ordered, reversed, totalOrder } from './order.ts';
import { behind, type Position } from './seek-condition.ts';

/** What a keyset can be told. */
export interface KeysetOptions {
  /** The order of the list. @default the key alone, ascending */
  readonly orderBy: readonly OrderColumn[];
  /** What is unique and never NULL: a column, or several that are so together. @default "id" */
  readonly key: string | readonly string[];
  /** Signs cursors, with 16 characters or more; of several the first signs, and all are believed. Needed. */
  readonly secret: string | readonly string[] | undefined;
  /** The longest cursor, in bytes. @default 2048 */
  readonly maxCursorBytes: number;
}

export const KEYSET_DEFAULTS: Readonly<KeysetOptions> = Object.freeze<KeysetOptions>({
  orderBy: Object.freeze([]),
  key: 'id',
  secret: undefined,
  maxCursorBytes: 2048,
});

/** Where a page begins, and how long it is. */
export interface SeekOptions {
  /** A cursor of the client's: the page behind it. What is no text is refused as no cursor. @default the first page */
  readonly after?: unknown;
  /** A cursor of the client's: the page ahead of it. */
  readonly before?: unknown;
  /** Rows of a page. @default 20 */
  readonly limit?: number | undefined;
  /** Whose list it is, or which filters it has: cursors are of no use elsewhere. @default "" */
  readonly scope?: string | undefined;
  /** Values that stand ahead in the statement; the page's own are numbered behind them. @default [] */
  readonly values?: readonly unknown[] | undefined;
}

/** Name of the column in which a row's place is read. */
export const POSITION = 'keyset_position';

/** A page as clients see it. */
export interface Page<R> {
  readonly items: R[];
  /** Cursor for `after`; null on the last page. */
  readonly next: string | null;
  /** Cursor for `before`; null on the first page. */
  readonly previous: string | null;
}

/** The parts of a statement that reads one page. */
export interface Seek {
  /** A column for the list of `select`: the place of each row. */
  readonly position: string;
  /** A condition; `true` on the first page. */
  readonly where: string;
  /** What stands behind `order by`. */
  readonly orderBy: string;
  /** What stands behind `limit`: one more than a page has, to see whether there is another one. */
  readonly limit: number;
  /** Values for all of the statement: those that were given, then those of `where`. */
  readonly values: readonly unknown[];
  /** Makes the page of the statement's rows, without their places. */
  page<R extends object>(rows: readonly R[]): Page<Omit<R, typeof POSITION>>;
  /** The same parts for builders of statements. @internal */
  readonly parts: {
    /** The place, without its name. */
    readonly place: Fragment;
    readonly where: Fragment | undefined;
    readonly orderBy: readonly Fragment[];
  };
}

/** An order of a list, and its cursors. */
export interface Keyset {
  /**
   * Begins a page.
   * @throws ProblemError `ERR_CURSOR_INVALID` (400) for a cursor that is wrong, forged or outdated;
   * OptionError for a limit that is none
   */
  seek(options?: SeekOptions): Seek;
}

const SECRET = text({ expected: 'a secret of at least 16 characters', pattern: /^.{16,}$/s });

const some = <T>(list: Check<readonly T[]>): Check<readonly T[]> => ({
  expected: `${list.expected}, with one at least`,
  accepts: (value): value is readonly T[] => list.accepts(value) && value.length > 0,
});

const CHECKS: Checks<KeysetOptions> = {
  orderBy: orderColumns,
  key: either(identifier, some(listOf(identifier))),
  secret: either(SECRET, some(listOf(SECRET))),
  maxCursorBytes: integer({ min: 64, max: 65_536 }),
};

const LIMIT = integer({ min: 1, max: 100_000 });
const DEFAULT_LIMIT = 20;

/**
 * Makes the pages of an order.
 * @throws OptionError for unknown or wrong options, and without a secret
 */
export function keyset(options?: Given<KeysetOptions>): Keyset {
  const { orderBy, key, secret, maxCursorBytes } = resolveOptions(
    'keyset',
    KEYSET_DEFAULTS,
    CHECKS,
    options,
  );
  if (secret === undefined) {
    throw new OptionError('keyset', [
      'option "secret" is needed, and signs cursors: the same in every process, 16 characters or more.',
    ]);
  }
  const forwards = directed(totalOrder('keyset', orderBy, key));
  const backwards = directed(reversed(forwards.order));
  const secrets = typeof secret === 'string' ? [secret] : secret;
  const cursors = new Cursors(secrets, forwards.order, maxCursorBytes);
  const place = placeColumn(forwards.order);

  return {
    seek({ after, before, limit = DEFAULT_LIMIT, scope = '', values = [] } = {}) {
      if (!LIMIT.accepts(limit)) {
        throw new OptionError('seek', [
          `"limit" must be ${LIMIT.expected}, but is ${String(limit)}.`,
        ]);
      }
      if (after !== undefined && before !== undefined)
        throw invalid('of "after" and that of "before" exclude each other');
      const goesBack = before !== undefined;
      const cursor = goesBack ? before : after;
      const way = goesBack ? backwards : forwards;
      const where =
        cursor === undefined ? undefined : behind(way.order, cursors.read(cursor, scope));
      const cursorOf = (row: object): string => cursors.write(placeOf(row, way.order), scope);

      return {
        position: `${place.texts[0]!} as "${POSITION}"`,
        where: where === undefined ? 'true' : numbered(where, values.length + 1),
        orderBy: way.orderBy.map(({ texts }) => texts[0]!).join(', '),
        limit: limit + 1,
        values: where === undefined ? values : [...values, ...where.values],
        page(rows) {
          const shown = rows.slice(0, limit);
          if (goesBack) shown.reverse();
          const isMore = rows.length > limit;
          const [first, last] = [shown[0], shown.at(-1)];
          return {
            items: shown.map(withoutPlace),
            next: last !== undefined && (goesBack || isMore) ? cursorOf(last) : null,
            previous:
              first !== undefined && (goesBack ? isMore : after !== undefined)
                ? cursorOf(first)
                : null,
          };
        },
        parts: { place, where, orderBy: way.orderBy },
      };
    },
  };
}

interface Way {
  readonly order: readonly Ordered[];
  readonly orderBy: readonly Fragment[];
}

function directed(order: readonly Ordered[]): Way {
  const orderBy = order.map(({ column, descending, nulls }) =>
    raw(
      `${quoted(column)} ${descending ? 'desc' : 'asc'}${nulls === 'none' ? '' : ` nulls ${nulls}`}`,
    ),
  );
  return { order, orderBy };
}

/**
 * Each value as text by way of JSON: that of times is ISO 8601 whatever the session's style (a
 * microsecond is there, where a Date has lost it), that of numbers has every digit. What is JSON
 * itself stays as it is: of `"1"` there would be the 1 left, which stands elsewhere.
 */
function placeColumn(order: readonly Ordered[]): Fragment {
  const texts = order.map(({ column }) => {
    const name = quoted(column);
    const json = `to_json(${name})`;
    return `case when ${json}::text = ${name}::text then ${name}::text else ${json} #>> '{}' end`;
  });
  return raw(`json_build_array(${texts.join(', ')})`);
}

function placeOf(row: object, order: readonly Ordered[]): Position {
  const found: unknown = (row as { readonly [POSITION]?: unknown })[POSITION];
  const place: unknown = typeof found === 'string' ? JSON.parse(found) : found;
  if (!Array.isArray(place) || place.length !== order.length) {
    throw new TypeError(`page() needs the column "${POSITION}" in each row: select seek.position.`);
  }
  for (const [at, { column, nulls }] of order.entries()) {
    if (nulls === 'none' && place[at] === null) {
      throw new TypeError(
        `A row has NULL in "${column}", which is said to have none (nulls: "none", or the key).`,
      );
    }
  }
  return place as Position;
}

function withoutPlace<R extends object>(row: R): Omit<R, typeof POSITION> {
  const { [POSITION]: _, ...rest } = row as R & { [POSITION]?: unknown };
  return rest;
}
