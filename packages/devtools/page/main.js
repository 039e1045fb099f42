/** The page: one view at a time, and exchanges as they end. */
import { EVENTS } from './api.js';
import { byId, complain, settle } from './dom.js';
import { ExchangesView } from './exchanges.js';
import { FaultsView } from './faults.js';
import { RoutesView } from './routes.js';

/** How often counts that move with every exchange are looked at anew, in ms. */
const REFRESH_MS = 1000;

const shown = byId('shown');
const connection = byId('connection');
const exchanges = new ExchangesView();
/** @type {ReadonlyMap<string, { node: HTMLElement, load(): Promise<void> }>} */
const views = new Map([
  ['exchanges', exchanges],
  ['routes', new RoutesView()],
  ['faults', new FaultsView()],
]);

/** @type {string | undefined} */
let current;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let refreshing;

function show() {
  const name = location.hash.slice(1);
  // Other fragments lead to a place of the view: the skip link's does.
  if (!views.has(name) && current !== undefined) return;
  current = views.has(name) ? name : 'exchanges';
  for (const link of document.querySelectorAll('.views a')) {
    if (link.getAttribute('href') === `#${current}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  const view = views.get(current) ?? exchanges;
  shown.replaceChildren(view.node);
  settle();
  void view.load().catch(complain);
}

/** The list takes what it is told; the counts of other views are asked for. */
function refresh() {
  refreshing ??= setTimeout(() => {
    refreshing = undefined;
    if (current !== 'exchanges')
      void views
        .get(current ?? '')
        ?.load()
        .catch(complain);
  }, REFRESH_MS);
}

/** @param {'live' | 'lost'} state */
function tell(state) {
  connection.dataset['state'] = state;
  connection.textContent = state === 'live' ? 'Live' : 'Connection lost, trying again';
}

function listen() {
  const source = new EventSource(EVENTS);
  source.addEventListener('open', () => {
    tell('live');
    // What ended meanwhile is on the list, and a restarted service has another one.
    void exchanges.load().catch(complain);
  });
  source.addEventListener('exchange', ({ data }) => {
    exchanges.hear(JSON.parse(data));
    refresh();
  });
  source.addEventListener('cleared', () => void exchanges.load().catch(complain));
  source.addEventListener('error', () => {
    tell('lost');
    // The browser gives up after a refusal; a service that restarts refuses for a while.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

addEventListener('hashchange', show);
show();
listen();
