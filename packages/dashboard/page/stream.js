/**
 * The stream of states. The browser reconnects by itself; what it does not do is done here: tell
 * a connection that went silent from one that lives, come back after a refusal, and leave while
 * nobody looks.
 */

/** @import { State } from '../src/panel.ts' */
/** @import { Past } from '../src/history.ts' */
/** @typedef {Past & { instance: string, isMore: boolean }} HistoryEvent */
/** @typedef {'connecting' | 'live' | 'lost' | 'ended' | 'full' | 'away'} Connection */

/**
 * @typedef {object} Listeners
 * @property {(past: HistoryEvent) => void} onHistory
 * @property {(state: State) => void} onState
 * @property {(connection: Connection) => void} onConnection
 */

/** A connection that has said nothing for three intervals, and at least this, is lost; in ms. */
const SILENT_MS = 5000;
/** Pause before the next try after a refusal, in ms. */
const RETRY_MS = 5000;
/** A page that nobody has looked at for so long, in ms, leaves its place. */
const AWAY_MS = 60_000;

/**
 * Opens the stream and keeps it open.
 * @param {string} url
 * @param {Listeners} listeners
 */
export function openStream(url, { onHistory, onState, onConnection }) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {number | undefined} */
  let watch;
  /** @type {number | undefined} */
  let leaving;
  let silentMs = SILENT_MS;
  /** The service has said that it goes: until it is back, or another in its place, that is why. */
  let hasEnded = false;

  const heard = () => {
    clearTimeout(watch);
    watch = setTimeout(() => {
      // It looks open and is not: begin anew rather than wait for the network to notice.
      onConnection('lost');
      connect();
    }, silentMs);
  };

  const close = () => {
    clearTimeout(watch);
    source?.close();
    source = undefined;
  };

  const connect = () => {
    close();
    const opened = new EventSource(url);
    source = opened;
    heard();
    opened.addEventListener('history', ({ data }) => {
      heard();
      onHistory(JSON.parse(data));
    });
    opened.addEventListener('state', ({ data }) => {
      const state = /** @type {State} */ (JSON.parse(data));
      silentMs = Math.max(SILENT_MS, 3 * state.intervalMs);
      heard();
      hasEnded = false;
      onConnection('live');
      onState(state);
    });
    opened.addEventListener('end', () => {
      clearTimeout(watch);
      hasEnded = true;
      onConnection('ended');
    });
    opened.addEventListener('error', () => {
      if (!hasEnded) onConnection('lost');
      clearTimeout(watch);
      if (opened.readyState === EventSource.CLOSED) void refused();
    });
  };

  /** The server answered, but with no stream: why? */
  const refused = async () => {
    close();
    try {
      const { status } = await fetch(url, { method: 'HEAD', cache: 'no-store' });
      if (status === 403) {
        location.reload();
        return;
      }
      if (status === 503 && !hasEnded) onConnection('full');
    } catch {
      // It does not answer at all: that is what the next try is for.
    }
    watch = setTimeout(connect, RETRY_MS);
  };

  const look = () => {
    clearTimeout(leaving);
    if (!document.hidden && source === undefined) connect();
    if (!document.hidden) return;
    leaving = setTimeout(() => {
      close();
      onConnection('away');
    }, AWAY_MS);
  };

  document.addEventListener('visibilitychange', look);
  connect();
  look();
}
