/** Numbers, moments and values as people read them. */

const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** @param {number} at in ms since the epoch */
export function time(at) {
  return clock.format(at);
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/**
 * A body's text, JSON with its structure.
 * @param {string} text
 * @param {string | undefined} mediaType
 */
export function pretty(text, mediaType) {
  if (mediaType === undefined || !/[/+]json$/.test(mediaType)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** @param {unknown} value */
export function told(value) {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

/**
 * How a status is to be taken.
 * @param {number} status
 */
export function toneOf(status) {
  return status >= 500 ? 'bad' : status >= 400 ? 'warn' : 'good';
}
