/** WebSockets: who is connected, what is sent, and what had to be dropped. */
import { above, known, type Panel } from '../panel.ts';
import type { Sources } from '../sources.ts';

export function sockets({ rates, stats }: Sources): Panel | undefined {
  const numbers = stats.get('websocket');
  if (numbers === undefined) return undefined;
  const rate = (name: string): number | undefined =>
    rates.perSecond(`websocket.${name}`, numbers.number(name));
  const dropped = numbers.number('droppedTotal');
  return {
    id: 'sockets',
    title: 'Sockets',
    facts: known([
      { label: 'Connections', unit: 'count', value: numbers.number('connections') },
      { label: 'Channels', unit: 'count', value: numbers.number('channels') },
      { label: 'Subscriptions', unit: 'count', value: numbers.number('subscriptions') },
      { label: 'Buffered', unit: 'bytes', value: numbers.number('bufferedBytes') },
      { label: 'Dropped', unit: 'count', value: dropped, tone: above(dropped, 1, Infinity) },
    ]),
    charts: [
      {
        title: 'Messages',
        unit: 'rate',
        series: [
          { key: 'sockets.sent', label: 'Sent', value: rate('sentTotal') },
          { key: 'sockets.received', label: 'Received', value: rate('receivedTotal') },
        ],
      },
    ],
  };
}
