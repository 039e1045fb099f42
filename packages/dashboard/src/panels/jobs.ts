/** Jobs in the background: what waits, what runs, and what nobody will run any more. */
import { above, type Panel, table } from '../panel.ts';
import type { Sources } from '../sources.ts';

export function jobs({ rates, stats }: Sources): Panel | undefined {
  const numbers = stats.get('tasks');
  if (numbers === undefined) return undefined;
  const rate = (name: string): number | undefined =>
    rates.perSecond(`tasks.${name}`, numbers.number(name));
  const dead = numbers.number('dead');
  return {
    id: 'jobs',
    title: 'Jobs',
    tone: above(dead, 1, Infinity),
    facts: [
      { label: 'Waiting', unit: 'count', value: numbers.number('waiting') },
      { label: 'Delayed', unit: 'count', value: numbers.number('delayed') },
      { label: 'Running', unit: 'count', value: numbers.number('active') },
      { label: 'Dead', unit: 'count', value: dead, tone: above(dead, 1, Infinity) },
    ],
    charts: [
      {
        title: 'Jobs',
        unit: 'rate',
        series: [
          { key: 'jobs.completed', label: 'Completed', value: rate('completedTotal') },
          { key: 'jobs.failed', label: 'Failed', tone: 'bad', value: rate('failedTotal') },
          { key: 'jobs.retried', label: 'Retried', value: rate('retriedTotal') },
        ],
      },
    ],
    tables: table(
      'Jobs by type',
      [
        { label: 'Type', unit: 'text' },
        { label: 'Waiting', unit: 'count' },
        { label: 'Running', unit: 'count' },
        { label: 'Completed', unit: 'count' },
        { label: 'Failed', unit: 'count' },
        { label: 'Dead', unit: 'count' },
      ],
      numbers.list('types').map((type) => ({
        tone: above(type.number('dead') ?? type.number('deadTotal'), 1, Infinity),
        cells: [
          type.text('name'),
          type.number('waiting'),
          type.number('active'),
          type.number('completedTotal'),
          type.number('failedTotal'),
          type.number('dead') ?? type.number('deadTotal'),
        ],
      })),
    ),
  };
}
