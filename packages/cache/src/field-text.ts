/** The value of a response header as one text: several lines are one list (RFC 9110 §5.3). */
import type { OutgoingHttpHeader } from 'node:http';

export function fieldText(value: OutgoingHttpHeader | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  return Array.isArray(value) ? value.join(', ') : String(value);
}
