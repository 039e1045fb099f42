/**
 * Pages of this API: keyset pages, whose cursors stand in the address of the next one. Which rows a
 * page has is `@org/query`'s to say; here is how clients see it.
 */
import { hasCode } from '@org/core';
import type { Keyset, Page as KeysetPage, Seek } from '@org/query';
import { z } from 'zod';

import { problems } from '../problems.ts';

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

/** The longest cursor that is taken, and given. */
export const MAX_CURSOR_BYTES = 1000;

/** `after` as a schema. */
export const cursor: z.ZodType<string, string> = z
  .string()
  .max(MAX_CURSOR_BYTES, 'must be a cursor');

/**
 * Begins a page.
 * @throws unknownCursor for a cursor that is not ours, or of another list
 */
export function seekIn(
  order: Keyset,
  where: { readonly after: string | undefined; readonly limit: number; readonly scope?: string },
): Seek {
  try {
    return order.seek(where);
  } catch (error) {
    if (!hasCode(error, 'ERR_CURSOR_INVALID')) throw error;
    throw problems.unknownCursor(
      'The cursor in "after" is not one of this list. Follow "next" of a page, or leave it out.',
    );
  }
}

/** A page with its rows as clients see them; `addressAfter` tells where a cursor leads. */
export function shownPage<R, T>(
  { items, next }: KeysetPage<R>,
  show: (row: R) => T,
  addressAfter: (cursor: string) => string,
): Page<T> {
  return { items: items.map(show), next: next === null ? null : addressAfter(next) };
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
