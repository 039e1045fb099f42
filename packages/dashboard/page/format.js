/** Numbers as people read them: short, with their unit, and as wide as the one before. */

/** @import { Unit, Value } from '../src/panel.ts' */

/** What stands where nothing is known. */
const UNKNOWN = '–';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const one = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** @type {Readonly<Record<Unit, (value: number) => string>>} */
const WRITERS = {
  bytes,
  count: (value) => (Math.abs(value) < 1_000_000 ? one.format(value) : short.format(value)),
  ms: duration,
  rate: (value) => `${value !== 0 && value < 100 ? one.format(value) : count(value)}/s`,
  ratio: (value) =>
    `${value !== 0 && value < 0.0995 ? tiny(value * 100) : one.format(value * 100)} %`,
  text: String,
  time: (value) => clock.format(value),
};

/**
 * A value with its unit. Values come from JSON, where what is not known is absent or null.
 * @param {Value | null} value
 * @param {Unit} unit
 */
export function format(value, unit) {
  if (value === undefined || value === null || value === '') return UNKNOWN;
  return typeof value === 'number' ? WRITERS[unit](value) : value;
}

/** What follows the title of a chart. @type {Readonly<Partial<Record<Unit, string>>>} */
export const UNIT_WORDS = { rate: 'per second' };

/** @param {number} value */
function count(value) {
  return value < 1_000_000 ? whole.format(value) : short.format(value);
}

/** @param {number} value */
function tiny(value) {
  return value < 0.01 ? '< 0.01' : value.toFixed(2);
}

/** @param {number} value in bytes; a kilobyte has a thousand */
function bytes(value) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let at = 0;
  let left = value;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1000;
    at++;
  }
  return `${left < 10 && at > 0 ? left.toFixed(1) : whole.format(left)} ${units[at]}`;
}

/** @param {number} ms */
function duration(ms) {
  if (ms === 0) return '0 ms';
  if (ms < 0.01) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 10_000) return `${whole.format(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}
