/** Where the time went: phase by phase, and of each the middlewares whose share can be seen. */
import { element, table } from './dom.js';
import { duration } from './format.js';

/** @import { KeptSpan } from '../src/index.ts' */

/** Below this share of the whole, a middleware is shown only where all are asked for. */
const SEEN_RATIO = 0.01;

/**
 * Bars stand from the begin of the exchange to its end; their places are custom properties, which the
 * page's policy allows where it is the script that sets them.
 * @param {readonly KeptSpan[]} spans
 * @param {number} durationMs
 */
export function waterfall(spans, durationMs) {
  const whole = Math.max(
    durationMs,
    ...spans.map(({ startMs, selfMs }) => startMs + selfMs),
    0.001,
  );
  const rows = phasesOf(spans).flatMap((phase) => {
    const [first] = phase;
    if (first === undefined) return [];
    if (phase.length === 1) return [row(first.phase ?? '', first, whole)];
    const selfMs = phase.reduce((sum, one) => sum + one.selfMs, 0);
    return [
      row(first.phase ?? '', { ...first, name: `${phase.length} middlewares`, selfMs }, whole),
      ...phase.map((one) => {
        const made = row('', one, whole);
        made.className = one.selfMs < SEEN_RATIO * whole ? 'part small' : 'part';
        return made;
      }),
    ];
  });
  const all = element('button', { type: 'button' }, 'All middlewares');
  // On the body, so that it stays as it is for the next exchange.
  const tell = () => (all.ariaPressed = String(document.body.classList.contains('all-spans')));
  all.addEventListener('click', () => {
    document.body.classList.toggle('all-spans');
    tell();
  });
  tell();
  return element(
    'div',
    {},
    all,
    table('Each by itself, in order', ['Phase', 'Middleware', 'Time', ''], rows),
  );
}

/**
 * Neighbours of the same phase together; the handler and the way out have none, and stand alone.
 * @param {readonly KeptSpan[]} spans
 */
function phasesOf(spans) {
  /** @type {KeptSpan[][]} */
  const phases = [];
  for (const span of spans) {
    const last = phases.at(-1);
    if (last !== undefined && span.phase !== undefined && last[0]?.phase === span.phase)
      last.push(span);
    else phases.push([span]);
  }
  return phases;
}

/**
 * @param {string} phase
 * @param {Pick<KeptSpan, 'name' | 'startMs' | 'selfMs'>} span
 * @param {number} whole
 */
function row(phase, { name, startMs, selfMs }, whole) {
  const bar = element('span', { class: 'bar-of-time' });
  bar.style.setProperty('--from', `${(100 * startMs) / whole}%`);
  bar.style.setProperty('--long', `${(100 * selfMs) / whole}%`);
  return element(
    'tr',
    {},
    element('td', { class: 'phase' }, phase),
    element('th', { scope: 'row' }, name),
    element('td', { class: 'number' }, duration(selfMs)),
    element('td', { class: 'track' }, bar),
  );
}
