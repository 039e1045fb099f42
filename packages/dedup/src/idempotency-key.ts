/**
 * The form of an `Idempotency-Key` (IETF draft-ietf-httpapi-idempotency-key-header-07 §2.1,
 * expired): a Structured Field String. Most clients send it without the quotes, as Stripe and
 * others taught them, and are understood as well: `"a"` and `a` are the same key.
 */
import { parseItem } from 'structured-headers';

import { invalidKey } from './idempotency-problems.ts';

/** The most characters of a key; Stripe's own limit. */
export const MAX_KEY_LENGTH = 255;

/** Visible ASCII, but for what would make a list, parameters or a string of it (RFC 9651 §3). */
const UNQUOTED = /^[!#-+\--:<-[\]-~]+$/;

/**
 * The key in a field's value.
 * @throws ProblemError 400, `ERR_IDEMPOTENCY_KEY_INVALID`
 */
export function parseIdempotencyKey(field: string): string {
  const key = field.startsWith('"') ? quoted(field) : field;
  if (key === undefined || key === '') throw invalidKey('it is empty, or not one string');
  if (key.length > MAX_KEY_LENGTH)
    throw invalidKey(`it has more than ${MAX_KEY_LENGTH} characters`);
  if (key === field && !UNQUOTED.test(key)) {
    throw invalidKey(
      'without quotes it may have no blanks, quotes, commas, semicolons or backslashes',
    );
  }
  return key;
}

function quoted(field: string): string | undefined {
  try {
    const [value] = parseItem(field);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
