/** How long a caller will wait, as it says in a header. Nothing that it says can fail a request. */

/** Whole ms, or seconds with at most three decimals; no more digits than a timer takes. */
const FORMS = Object.freeze({ s: /^\d{1,7}(?:\.\d{1,3})?$/, ms: /^\d{1,10}$/ });

const FACTORS = Object.freeze({ s: 1000, ms: 1 });

/**
 * The time in ms, cut to two significant digits, at least 1: callers that state what is left
 * to them would otherwise each get a lane of their own. Nothing for a value of another form.
 */
export function statedTimeMs(
  value: string | readonly string[] | undefined,
  unit: 's' | 'ms',
): number | undefined {
  if (typeof value !== 'string' || !FORMS[unit].test(value)) return undefined;
  const ms = Math.max(1, Math.floor(Number(value) * FACTORS[unit]));
  const step = 10 ** Math.max(0, Math.floor(Math.log10(ms)) - 1);
  return Math.floor(ms / step) * step;
}

/** A time as the header states it; parts of a ms are left away, so that nobody waits too long. */
export function stateTime(ms: number, unit: 's' | 'ms'): string {
  return String(Math.floor(ms) / FACTORS[unit]);
}
