/** Who waits for a place: the limit, what runs, what waits, and for how long. */
import { type Panel, table } from '../panel.ts';
import type { Sources } from '../sources.ts';

export function queue({ stats }: Sources): Panel | undefined {
  const numbers = stats.get('queue');
  if (numbers === undefined) return undefined;
  const overloaded = numbers.flag('overloaded');
  const count = (label: string, name: string) =>
    ({ label, unit: 'count', value: numbers.number(name) }) as const;
  const wait = (label: string, name: string) =>
    ({ label, unit: 'ms', value: numbers.number(name) }) as const;
  return {
    id: 'queue',
    title: 'Queue',
    tone: overloaded ? 'bad' : undefined,
    note: overloaded ? 'Overloaded: the queue stands, and requests are refused.' : undefined,
    facts: [
      count('Limit', 'limit'),
      wait('Service', 'serviceMs'),
      wait('Wait p50', 'waitP50Ms'),
      wait('Wait p99', 'waitP99Ms'),
      { label: 'Refused', unit: 'count', value: numbers.sum('refusedTotal') },
    ],
    charts: [
      {
        title: 'Requests in the queue',
        unit: 'count',
        series: [
          { key: 'queue.inflight', label: 'Running', value: numbers.number('inflight') },
          { key: 'queue.queued', label: 'Waiting', value: numbers.number('queued') },
        ],
      },
    ],
    tables: table(
      'Priority classes',
      [
        { label: 'Class', unit: 'text' },
        { label: 'Waiting', unit: 'count' },
        { label: 'Refused', unit: 'count' },
      ],
      numbers.entries('classes').map(([name, one]) => ({
        cells: [name, one.number('queued'), one.number('refusedTotal')],
      })),
    ),
  };
}
