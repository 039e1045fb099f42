/** Server-sent events, as the HTML standard has them (§9.2), and what the page is told by them. */
import type { Past } from './history.ts';
import type { State } from './panel.ts';

/** After how long a browser comes back when the stream ends, in ms. */
const RETRY_MS = 2000;
/** The same where the process is about to go, and another takes its place. */
const RETRY_AFTER_END_MS = 5000;

/** The first event of a stream: what was, for the charts, and what is. */
export function greeting(instance: string, past: Past, isMore: boolean, state: State): Buffer {
  const history = JSON.stringify({ instance, isMore, ...past });
  return Buffer.from(
    `retry: ${RETRY_MS}\nevent: history\ndata: ${history}\n\n${stateEvent(instance, state)}`,
  );
}

/** One state; its id tells where to go on. JSON has no line breaks, so that one `data` does. */
export function stateEvent(instance: string, state: State): string {
  return `id: ${instance}/${state.at}\nevent: state\ndata: ${JSON.stringify(state)}\n\n`;
}

/** The last event, before the service goes. */
export function farewell(): Buffer {
  return Buffer.from(`retry: ${RETRY_AFTER_END_MS}\nevent: end\ndata: {}\n\n`);
}

/** When the last state was that a browser has of this process; -Infinity where it has none. */
export function lastSeenAt(instance: string, lastEventId: unknown): number {
  if (typeof lastEventId !== 'string' || !lastEventId.startsWith(`${instance}/`)) {
    return Number.NEGATIVE_INFINITY;
  }
  const at = Number(lastEventId.slice(instance.length + 1));
  return Number.isFinite(at) ? at : Number.NEGATIVE_INFINITY;
}
