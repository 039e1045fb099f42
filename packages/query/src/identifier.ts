/** Names of tables and columns as SQL has them: quoted, so that they are names whatever is in them. */
import type { Check } from '@org/core';

/** `trips.created_at` becomes `"trips"."created_at"`. */
export function quoted(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}

/** A name, with those of its schema or table in front of it. */
export const identifier: Check<string> = {
  expected: 'a name such as "created_at" or "trips.created_at"',
  accepts: (value): value is string =>
    typeof value === 'string' &&
    value.split('.').every((part) => part !== '' && !part.includes('\0')),
};
