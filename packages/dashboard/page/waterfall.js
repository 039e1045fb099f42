/**
 * The pipeline, drawn as the way of one request through it: each bar begins where the one before
 * ends. The solid part is the median of the self time, the light part reaches to the 95th percentile.
 */
import { element, scrollBox, write } from './dom.js';
import { format } from './format.js';

/** @import { Stage } from '../src/panel.ts' */

/** A waterfall on the page. */
export class WaterfallView {
  node = element('div', { class: 'waterfall' });
  #body = element('tbody');
  #withRoutes = element('input', { type: 'checkbox', id: 'waterfall-routes' });
  /** @type {readonly Stage[]} */
  #stages = [];

  constructor() {
    this.node.dataset['timed'] = 'false';
    const columns = ['Phase', 'Middleware', 'Calls', 'Errors', 'p50', 'p95', 'Self time'];
    this.#withRoutes.addEventListener('change', () => this.#draw());
    this.node.append(
      element(
        'label',
        { class: 'choice' },
        this.#withRoutes,
        'With handlers and sending, on their scale',
      ),
      scrollBox(
        'Pipeline',
        element(
          'table',
          {},
          element(
            'caption',
            { class: 'unseen' },
            'Middlewares in their order, with their self time',
          ),
          element(
            'thead',
            {},
            element('tr', {}, ...columns.map((name) => element('th', { scope: 'col' }, name))),
          ),
          this.#body,
        ),
      ),
    );
  }

  /** @param {readonly Stage[]} stages */
  update(stages) {
    this.#stages = stages;
    // Once there were times their columns stay, whether somebody was timed lately or not.
    if (stages.some(({ p50Ms }) => p50Ms !== undefined)) this.node.dataset['timed'] = 'true';
    this.#draw();
  }

  #draw() {
    // Whatever is no middleware has no phase: the handler, and the answer's way out.
    const shown = this.#withRoutes.checked
      ? this.#stages
      : this.#stages.filter(({ phase }) => phase !== undefined);
    const stages = shown.length === 0 ? this.#stages : shown;
    let from = 0;
    const bars = stages.map(({ p50Ms = 0, p95Ms = 0 }) => {
      const bar = { from, p50Ms, p95Ms: Math.max(p50Ms, p95Ms) };
      from += p50Ms;
      return bar;
    });
    const total = Math.max(...bars.map((bar) => bar.from + bar.p95Ms), 0) || 1;
    while (this.#body.rows.length > stages.length) this.#body.deleteRow(-1);
    stages.forEach((stage, at) => {
      const row = this.#body.rows[at] ?? this.#body.appendChild(emptyRow());
      const bar = bars[at] ?? { from: 0, p50Ms: 0, p95Ms: 0 };
      showStage(row, stage, stages[at - 1]?.phase !== stage.phase);
      const track = /** @type {HTMLElement} */ (row.cells[6]?.firstElementChild);
      track.style.setProperty('--from', `${(bar.from / total) * 100}%`);
      track.style.setProperty('--p50', `${(bar.p50Ms / total) * 100}%`);
      track.style.setProperty('--p95', `${(bar.p95Ms / total) * 100}%`);
    });
  }
}

function emptyRow() {
  const cells = Array.from({ length: 4 }, () => element('td', { class: 'number' }));
  return element(
    'tr',
    {},
    element('td', { class: 'phase' }),
    element('th', { scope: 'row' }),
    ...cells,
    element('td', { class: 'track' }, element('span', { class: 'bars', 'aria-hidden': 'true' })),
  );
}

/** @param {HTMLTableRowElement} row @param {Stage} stage @param {boolean} isFirst of its phase */
function showStage(row, stage, isFirst) {
  const texts = [
    stage.phase ?? 'routes',
    stage.name,
    format(stage.calls, 'count'),
    format(stage.errors, 'count'),
    format(stage.p50Ms, 'ms'),
    format(stage.p95Ms, 'ms'),
  ];
  texts.forEach((text, at) => {
    const cell = row.cells[at];
    if (cell !== undefined) write(cell, text);
  });
  row.dataset['first'] = String(isFirst);
  row.dataset['failing'] = String((stage.errors ?? 0) > 0);
}
