/** The routes of the app, with what has come of their requests. */
import { call } from './api.js';
import { element, table } from './dom.js';
import { toneOf } from './format.js';

/** @import { RouteReport } from '../src/index.ts' */

/** The view, which lives as long as the page. */
export class RoutesView {
  node = element('section', { class: 'panel', 'aria-label': 'Routes' });

  async load() {
    /** @type {{ routes: RouteReport[] }} */
    const { routes } = await call('/routes');
    this.node.replaceChildren(
      table(
        `${routes.length} routes`,
        ['Methods', 'Route', 'Hits', 'Last status', ''],
        routes.map(routeRow),
      ),
    );
  }
}

/** @param {RouteReport} route */
function routeRow({ methods, route, mocked, listed, hits, lastStatus }) {
  return element(
    'tr',
    {},
    // HEAD comes with GET.
    element(
      'td',
      {},
      methods.filter((one) => one !== 'HEAD' || !methods.includes('GET')).join(', '),
    ),
    element('th', { scope: 'row', class: 'code' }, route),
    element('td', { class: 'number' }, String(hits)),
    lastStatus === undefined
      ? element('td', {}, '–')
      : element('td', { class: 'status', 'data-tone': toneOf(lastStatus) }, String(lastStatus)),
    element(
      'td',
      {},
      mocked ? 'answered from a schema' : listed ? '' : 'of a middleware, or an app',
    ),
  );
}
