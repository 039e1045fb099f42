/** An answer of about so many bytes, from the rows of which a list is made. */
import { ANSWER } from './routes.ts';

/** Each row differs from the others, as rows do. */
export function jsonOf(bytes: number): object {
  const rows: object[] = [];
  for (let at = 0, size = 0; size < bytes; at++) {
    const row = { ...ANSWER.trips[at % 9], id: `trip-${at * 7919}`, days: at };
    rows.push(row);
    size += JSON.stringify(row).length + 1;
  }
  return { items: rows };
}
