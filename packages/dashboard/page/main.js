/** The page: panels as they come, kept up to date, in the time that somebody wants to see. */
import { byId, element, showTone, toneMark, write } from './dom.js';
import { format } from './format.js';
import { keep, PanelView } from './panels.js';
import { Samples } from './past.js';
import { openStream } from './stream.js';
import { themeButton } from './theme.js';

/** @import { Panel, State } from '../src/panel.ts' */
/** @import { Connection } from './stream.js' */

/** @type {Readonly<Record<Connection, string>>} */
const WORDS = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Connection lost, trying again',
  ended: 'The service is restarting',
  full: 'No place for another tab, trying again',
  away: 'Asleep while nobody looks',
};

const base = document.body.dataset['base'] ?? '';
const panels = byId('panels');
const index = byId('index');
const pause = byId('pause');
const samples = new Samples();
/** @type {Map<string, PanelView>} */
const views = new Map();
/** @type {Map<string, IndexEntry>} */
const entries = new Map();
/** @type {State | undefined} */
let shown;
/** @type {Connection} */
let connection = 'connecting';
let isPaused = false;

/** A link to a panel, with how it is. */
class IndexEntry {
  node;
  mark = toneMark();

  /** @param {Panel} panel */
  constructor({ id, title }) {
    this.node = element('a', { href: `#${id}` }, title, this.mark);
  }
}

openStream(`${base}/events`, {
  onHistory: (past) => samples.take(past),
  onState(state) {
    samples.add(state);
    if (isPaused) return;
    shown = state;
    draw();
  },
  onConnection(now) {
    connection = now;
    showConnection();
  },
});

themeButton(byId('theme'), () => {
  for (const view of views.values()) view.recolour();
});

pause.addEventListener('click', () => {
  isPaused = !isPaused;
  pause.setAttribute('aria-pressed', String(isPaused));
  write(pause, isPaused ? 'Resume' : 'Pause');
  showConnection();
});

for (const choice of document.querySelectorAll('input[name=range]')) {
  choice.addEventListener('change', draw);
}

document.getElementById('sign-out')?.addEventListener('click', () => {
  void fetch(`${base}/sign-out`, { method: 'POST' }).then(({ ok, status }) => {
    if (ok) location.reload();
    else write(byId('sign-out'), `Not signed out: ${status}`);
  });
});

function draw() {
  if (shown === undefined) return;
  const { at, panels: list, process: own, state } = shown;
  const to = at / 1000;
  const from = to - rangeMs() / 1000;
  document.getElementById('waiting')?.remove();
  keep(
    views,
    panels,
    list,
    ({ id }) => id,
    (panel) => new PanelView(panel),
  );
  keep(
    entries,
    index,
    list,
    ({ id }) => id,
    (panel) => new IndexEntry(panel),
  );
  for (const panel of list) {
    views.get(panel.id)?.update(panel, samples, from, to);
    const mark = entries.get(panel.id)?.mark;
    if (mark !== undefined) showTone(mark, panel.tone);
  }
  const about = `${own.host}, process ${own.pid}, up ${format(own.uptimeMs, 'ms')}`;
  const isOdd = state !== undefined && state !== 'ready';
  write(byId('service'), isOdd ? `${state} · ${about}` : about);
  byId('service').dataset['odd'] = String(isOdd);
}

/** The time that is shown, in ms. */
function rangeMs() {
  const chosen = document.querySelector('input[name=range]:checked');
  return Number(/** @type {HTMLInputElement | null} */ (chosen)?.value ?? 300_000);
}

function showConnection() {
  const isStill = isPaused && connection === 'live';
  byId('connection').dataset['state'] = isStill ? 'paused' : connection;
  write(byId('connection-text'), isStill ? 'Paused' : WORDS[connection]);
}
