/** What changes with every answer looks the same here, so that it is no difference. */

/**
 * What changes with every answer, as text: UUIDs and other ids of one use, dates of RFC 3339 and of
 * HTTP, nonces of a policy.
 */
const VOLATILE_TEXT =
  /\b[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\b|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT|\b[0-7][\dA-HJKMNP-TV-Z]{25}\b|\b[\da-f]{16,}\b|'nonce-[^']*'/gi;

/** A text in which everything of that kind looks the same. */
export function mask(text: string): string {
  return text.replaceAll(VOLATILE_TEXT, '…');
}
