/**
 * Keyset pages: the next page begins behind the last row of this one, found by its
 * sort value and its id. Pages stay right while rows come and go, and the thousandth
 * costs what the first does. The cursor is opaque to clients: it names its own order,
 * and is refused under another.
 */
import { z } from 'zod';

import { problems } from '../problems.ts';

/** Where a page ended. */
export interface Position {
  readonly value: number | string;
  readonly id: number;
}

/** A page as clients see it. */
export interface Page<T> {
  readonly items: readonly T[];
  /** The address of the next page; null on the last. */
  readonly next: string | null;
}

/** `next` as a schema. */
export const nextPage: z.ZodType<string | null, string | null> = z
  .string()
  .nullable()
  .meta({ description: 'The address of the next page; null on the last.' });

const int = z.int32();
const TUPLE = z.tuple([z.string(), z.union([int, z.string().regex(/^\P{Cc}*$/u)]), int]);

export function encodeCursor(order: string, { value, id }: Position): string {
  return Buffer.from(JSON.stringify([order, value, id])).toString('base64url');
}

/**
 * The position that a cursor stands for.
 * @throws unknownCursor for a cursor that is not ours, or of another order
 */
export function decodeCursor(cursor: string, order: string, kind: 'number' | 'string'): Position {
  const decoded = TUPLE.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')));
  if (decoded.success) {
    const [ofOrder, value, id] = decoded.data;
    if (ofOrder === order && typeof value === kind) return { value, id };
  }
  throw problems.unknownCursor(
    'The cursor in "after" is not one of this order. Follow "next" of a page, or leave it out.',
  );
}

/**
 * Cuts a page out of rows that were read with one more than `limit`.
 * `position` is asked for the last row that is shown, if there is a next page.
 */
export function cutPage<R, T>(
  rows: readonly R[],
  limit: number,
  show: (row: R) => T,
  nextOf: (last: R) => string,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return { items: shown.map(show), next: last === undefined ? null : nextOf(last) };
}

/** The address of this collection with other parameters; undefined ones are left out. */
export function addressOf(
  base: string,
  parameters: Readonly<Record<string, string | number | undefined>>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return `${base}?${query.toString()}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
