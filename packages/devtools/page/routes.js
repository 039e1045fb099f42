/** The routes of the app, with what has come of their requests. */
import { call } from './api.js';
import { element, table } from './dom.js';
import { toneOf } from './format.js';

/** @import { RouteReport } from '../src/index.ts' */

export async function routesView() {
  /** @type {{ routes: RouteReport[] }} */
  const { routes } = await call('/routes');
  const rows = routes.map(({ methods, route, middlewares, mocked, hits, lastStatus }) =>
    element(
      'tr',
      {},
      element('td', {}, methods.join(', ')),
      element('th', { scope: 'row', class: 'code' }, route),
      element('td', { class: 'number' }, String(middlewares)),
      element('td', { class: 'number' }, String(hits)),
      lastStatus === undefined
        ? element('td', {}, '–')
        : element('td', { class: 'status', 'data-tone': toneOf(lastStatus) }, String(lastStatus)),
      element('td', {}, mocked ? 'answered from a schema' : ''),
    ),
  );
  return element(
    'section',
    { class: 'panel', 'aria-label': 'Routes' },
    table(
      `${routes.length} routes`,
      ['Methods', 'Route', 'Middlewares ahead', 'Hits', 'Last status', ''],
      rows,
    ),
  );
}
