/** How long to wait before a transaction is made again: any time up to a limit that doubles (full jitter). */

const BASE_MS = 10;
const MAX_MS = 500;

/** The wait after a failed attempt, counted from 1, in ms. */
export function backoff(attempt: number, random: () => number): number {
  return random() * Math.min(MAX_MS, BASE_MS * 2 ** (attempt - 1));
}
