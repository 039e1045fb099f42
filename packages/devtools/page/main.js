/** The page: one view at a time, and exchanges as they end. */
import { EVENTS } from './api.js';
import { byId, complain } from './dom.js';
import { ExchangesView } from './exchanges.js';
import { faultsView } from './faults.js';
import { routesView } from './routes.js';

const shown = byId('shown');
const connection = byId('connection');
const exchanges = new ExchangesView();

async function show() {
  const name = location.hash.slice(1) || 'exchanges';
  for (const link of document.querySelectorAll('.views a')) {
    if (link.getAttribute('href') === `#${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (name === 'routes') shown.replaceChildren(await routesView());
  else if (name === 'faults') shown.replaceChildren(await faultsView(show));
  else shown.replaceChildren(exchanges.node);
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
  source.addEventListener('exchange', ({ data }) => exchanges.add(JSON.parse(data)));
  source.addEventListener('cleared', () => void exchanges.load().catch(complain));
  source.addEventListener('error', () => {
    tell('lost');
    // The browser gives up after a refusal; a service that restarts refuses for a while.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

addEventListener('hashchange', () => void show().catch(complain));
void show().catch(complain);
listen();
