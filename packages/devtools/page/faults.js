/** The rules by which requests fail on purpose: what they have done, and new ones in their place. */
import { call } from './api.js';
import { button, element, table } from './dom.js';

/** @import { FaultReport } from '../src/index.ts' */

const EXAMPLE = [{ route: 'GET /api/hotels/:id', share: 0.2, fault: { delayMs: 500 } }];

/** The view, which lives as long as the page. */
export class FaultsView {
  rules = element('div');
  text = element('textarea', { id: 'rules', rows: '10', spellcheck: 'false' });
  /** What stood there before anybody wrote. */
  loaded = '';
  node;

  constructor() {
    const set = button('Set', async () => {
      /** @type {unknown} */
      const faults = JSON.parse(this.text.value);
      this.take(
        await call('/faults', {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ faults }),
        }),
        true,
      );
    });
    const clear = button('Clear', async () => {
      await call('/faults', { method: 'DELETE' });
      this.take({ faults: [] }, true);
    });
    this.node = element(
      'section',
      { class: 'panel', 'aria-label': 'Faults' },
      this.rules,
      element('label', { for: 'rules' }, 'Rules as JSON'),
      this.text,
      element('div', { class: 'tools' }, set, clear),
    );
  }

  async load() {
    // What somebody is writing stays.
    this.take(await call('/faults'), this.text.value === this.loaded);
  }

  /**
   * @param {{ faults: FaultReport[] }} list
   * @param {boolean} replacesText
   */
  take({ faults }, replacesText) {
    this.rules.replaceChildren(
      table(
        `${faults.length} ${faults.length === 1 ? 'rule' : 'rules'}; the first that strikes counts`,
        ['Fault', 'Route', 'Header', 'Share', 'Matched', 'Injected'],
        faults.map(ruleRow),
      ),
    );
    if (!replacesText) return;
    const rules = faults.map(
      ({ matchedTotal: _matched, injectedTotal: _injected, ...rule }) => rule,
    );
    this.loaded = JSON.stringify(rules.length === 0 ? EXAMPLE : rules, null, 2);
    this.text.value = this.loaded;
  }
}

/** @param {FaultReport} rule */
function ruleRow({ route, header, share, fault, matchedTotal, injectedTotal }) {
  return element(
    'tr',
    {},
    element('th', { scope: 'row', class: 'code' }, JSON.stringify(fault)),
    element('td', { class: 'code' }, route ?? 'all'),
    element('td', { class: 'code' }, header ?? 'any'),
    element('td', { class: 'number' }, String(share ?? 1)),
    element('td', { class: 'number' }, String(matchedTotal)),
    element('td', { class: 'number' }, String(injectedTotal)),
  );
}
