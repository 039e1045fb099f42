/** What the cache saves: its hit ratio now and since the start, and what became of requests. */
import { type Panel, table } from '../panel.ts';
import type { Sources } from '../sources.ts';

/** Outcomes by the total that counts them. */
const OUTCOMES = [
  ['Hit', 'hitsTotal'],
  ['Stale', 'staleTotal'],
  ['Collapsed', 'collapsedTotal'],
  ['Revalidated', 'revalidatedTotal'],
  ['Miss', 'missesTotal'],
  ['Bypass', 'bypassedTotal'],
] as const;
/** Outcomes that cost the application nothing, as the cache's own ratio has it. */
const SAVED: ReadonlySet<string> = new Set(['hitsTotal', 'staleTotal', 'collapsedTotal']);

export function cache({ rates, stats }: Sources): Panel | undefined {
  const numbers = stats.get('cache');
  if (numbers === undefined) return undefined;
  const outcomes = OUTCOMES.map(([label, name]) => {
    const total = numbers.sum(name);
    return { label, name, total, added: rates.added(`cache.${name}`, total) ?? 0 };
  });
  let saved = 0;
  let missed = 0;
  for (const { name, added } of outcomes) {
    if (SAVED.has(name)) saved += added;
    else if (name === 'missesTotal') missed += added;
  }
  return {
    id: 'cache',
    title: 'Cache',
    facts: [
      { label: 'Hit ratio', unit: 'ratio', value: numbers.number('hitRatio') },
      { label: 'Keys', unit: 'count', value: numbers.number('keys') },
      { label: 'Memory', unit: 'bytes', value: numbers.number('memoryBytes') },
      { label: 'Served', unit: 'bytes', value: numbers.number('servedBytesTotal') },
    ],
    charts: [
      {
        title: 'Hit ratio',
        unit: 'ratio',
        series: [
          {
            key: 'cache.hitRatio',
            label: 'Hit ratio',
            value: saved + missed === 0 ? undefined : saved / (saved + missed),
          },
        ],
      },
    ],
    tables: table(
      'Requests by what the cache did',
      [
        { label: 'Outcome', unit: 'text' },
        { label: 'Requests', unit: 'count' },
      ],
      outcomes
        .filter(({ total = 0 }) => total > 0)
        .map(({ label, total }) => ({ cells: [label, total] })),
    ),
  };
}
