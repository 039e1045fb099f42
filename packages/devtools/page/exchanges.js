/** The list of exchanges as they come, and the one that is looked at beside it. */
import { call } from './api.js';
import { button, complain, element, settle } from './dom.js';
import { exchangeView } from './exchange.js';
import { duration, time, toneOf } from './format.js';

/** @import { ExchangeSummary } from '../src/index.ts' */

/** How many rows the page holds; the service keeps its own. */
const MAX_ROWS = 500;

/** The view, which lives as long as the page. */
export class ExchangesView {
  rows = element('tbody');
  detail = element('div', { class: 'detail' });
  outcome = element('p', { class: 'note', role: 'status' });
  filter = element('input', {
    type: 'search',
    placeholder: 'Path, method, status',
    'aria-label': 'Filter',
  });
  /** @type {Map<string, HTMLTableRowElement>} */
  byId = new Map();
  /** @type {string | undefined} */
  shown = undefined;
  /**
   * What ends while the list is on its way, and may be missing on it.
   * @type {ExchangeSummary[] | undefined}
   */
  arrived = undefined;
  node;

  constructor() {
    this.filter.addEventListener('input', () => {
      for (const row of this.byId.values()) this.match(row);
    });
    const replayAll = button('Replay all GETs', async () => {
      const { replayed, same, changed, failed } = await call('/replay', { method: 'POST' });
      this.outcome.textContent = `${replayed} replayed: ${same} same, ${changed} changed, ${failed.length} could not run.`;
      await this.load();
    });
    const clear = button('Clear', async () => {
      await call('/exchanges', { method: 'DELETE' });
      await this.load();
    });
    this.node = element(
      'div',
      { class: 'split' },
      element(
        'section',
        { class: 'list', 'aria-label': 'Exchanges' },
        element('div', { class: 'tools' }, this.filter, replayAll, clear),
        this.outcome,
        element(
          'table',
          {},
          element('caption', { class: 'unseen' }, 'Exchanges, newest first'),
          element(
            'thead',
            {},
            element(
              'tr',
              {},
              ...['Time', 'Request', 'Status', 'Took', 'Notes'].map((head) =>
                element('th', { scope: 'col' }, head),
              ),
            ),
          ),
          this.rows,
        ),
      ),
      this.detail,
    );
  }

  async load() {
    /** @type {ExchangeSummary[]} */
    const arrived = [];
    this.arrived = arrived;
    try {
      /** @type {{ exchanges: ExchangeSummary[] }} */
      const { exchanges } = await call('/exchanges');
      // Another list has been asked for since.
      if (this.arrived !== arrived) return;
      this.byId.clear();
      this.rows.replaceChildren();
      for (const one of [...exchanges.toReversed(), ...arrived]) this.add(one);
    } finally {
      if (this.arrived === arrived) this.arrived = undefined;
    }
    if (this.shown !== undefined) await this.show(this.shown);
  }

  /**
   * Takes one that has ended, or was replayed.
   * @param {ExchangeSummary} exchange
   */
  hear(exchange) {
    this.arrived?.push(exchange);
    this.add(exchange);
    if (exchange.id === this.shown) void this.show(exchange.id).catch(complain);
  }

  /** @param {ExchangeSummary} exchange */
  add(exchange) {
    const row = this.row(exchange);
    const known = this.byId.get(exchange.id);
    if (known === undefined) this.rows.prepend(row);
    else known.replaceWith(row);
    this.byId.set(exchange.id, row);
    this.match(row);
    for (const [id, oldest] of this.byId) {
      if (this.byId.size <= MAX_ROWS) break;
      oldest.remove();
      this.byId.delete(id);
    }
  }

  /**
   * Shows one that somebody has asked for, and leads there where it stands below the list.
   * @param {string} id
   */
  async choose(id) {
    settle();
    await this.show(id);
    if (matchMedia('(max-width: 60rem)').matches) this.detail.scrollIntoView();
  }

  /** @param {string} id */
  async show(id) {
    this.shown = id;
    for (const [other, row] of this.byId) row.ariaCurrent = String(other === id);
    try {
      const exchange = await call(`/exchanges/${id}`);
      if (this.shown !== id) return;
      const hadFocus = this.detail.contains(document.activeElement);
      this.detail.replaceChildren(exchangeView(exchange, () => this.show(id)));
      if (hadFocus) this.detail.querySelector('button')?.focus({ preventScroll: true });
    } catch (problem) {
      if (this.shown !== id) return;
      this.shown = undefined;
      this.detail.replaceChildren(
        element(
          'p',
          { class: 'empty' },
          problem instanceof Error ? problem.message : String(problem),
        ),
      );
    }
  }

  /** @param {ExchangeSummary} exchange */
  row({
    id,
    at,
    method,
    url,
    status,
    durationMs,
    aborted,
    internal,
    fault,
    mocked,
    repeatedStatements,
    changes,
  }) {
    const link = element('button', { type: 'button', class: 'link' }, `${method} ${url}`);
    link.addEventListener('click', () => void this.choose(id).catch(complain));
    const notes = [
      ...(aborted ? ['cut off'] : []),
      ...(internal ? ['internal'] : []),
      ...(fault === undefined ? [] : [`fault ${fault}`]),
      ...(mocked ? ['mock'] : []),
      ...(repeatedStatements === 0 ? [] : ['N+1']),
      ...(changes === undefined
        ? []
        : [changes === 0 ? 'replay same' : `replay changed ${changes}`]),
    ];
    return element(
      'tr',
      { 'aria-current': String(this.shown === id) },
      element('td', { class: 'number' }, time(at)),
      element('th', { scope: 'row' }, link),
      element('td', { class: 'status', 'data-tone': toneOf(status) }, String(status)),
      element('td', { class: 'number' }, duration(durationMs)),
      element('td', { class: 'notes' }, ...notes.map((note) => element('span', {}, note))),
    );
  }

  /** @param {HTMLTableRowElement} row */
  match(row) {
    const words = this.filter.value.toLowerCase().split(/\s+/);
    const text = (row.textContent ?? '').toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
}
