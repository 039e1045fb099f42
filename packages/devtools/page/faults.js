/** The rules by which requests fail on purpose: what they have done, and new ones in their place. */
import { call } from './api.js';
import { button, element, table } from './dom.js';

/** @import { FaultReport } from '../src/index.ts' */

const EXAMPLE = [{ route: 'GET /api/hotels/:id', share: 0.2, fault: { delayMs: 500 } }];

/** @param {() => Promise<void>} onChange */
export async function faultsView(onChange) {
  /** @type {{ faults: FaultReport[] }} */
  const { faults } = await call('/faults');
  const rows = faults.map(({ route, header, share, fault, matchedTotal, injectedTotal }) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row', class: 'code' }, JSON.stringify(fault)),
      element('td', { class: 'code' }, route ?? 'all'),
      element('td', { class: 'code' }, header ?? 'any'),
      element('td', { class: 'number' }, String(share ?? 1)),
      element('td', { class: 'number' }, String(matchedTotal)),
      element('td', { class: 'number' }, String(injectedTotal)),
    ),
  );
  const text = element('textarea', { id: 'rules', rows: '10', spellcheck: 'false' });
  text.value = JSON.stringify(
    faults.length === 0
      ? EXAMPLE
      : faults.map(({ matchedTotal: _matched, injectedTotal: _injected, ...rule }) => rule),
    null,
    2,
  );
  const set = button('Set', async () => {
    await call('/faults', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ faults: JSON.parse(text.value) }),
    });
    await onChange();
  });
  const clear = button('Clear', async () => {
    await call('/faults', { method: 'DELETE' });
    await onChange();
  });
  return element(
    'section',
    { class: 'panel', 'aria-label': 'Faults' },
    table(
      `${faults.length} rules; the first that strikes counts`,
      ['Fault', 'Route', 'Header', 'Share', 'Matched', 'Injected'],
      rows,
    ),
    element('label', { for: 'rules' }, 'Rules as JSON'),
    text,
    element('div', { class: 'tools' }, set, clear),
  );
}
