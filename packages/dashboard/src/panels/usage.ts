/** What is asked for, and by whom: the top endpoints and consumers. */
import { above, type Panel, type Row, table } from '../panel.ts';
import type { Reading } from '../reading.ts';
import type { Sources } from '../sources.ts';
import { ERROR_RATIO } from '../thresholds.ts';

export function endpoints({ stats }: Sources): Panel | undefined {
  const counted = stats.get('analytics')?.list('endpoints') ?? [];
  // Metrics know routes as well, over their window instead of since the start.
  const list = counted.length > 0 ? counted : (stats.get('metrics')?.list('routes') ?? []);
  if (list.length === 0) return undefined;
  const unrouted = stats.get('analytics')?.number('unroutedTotal') ?? 0;
  return {
    id: 'endpoints',
    title: 'Top endpoints',
    note:
      unrouted === 0
        ? undefined
        : `${unrouted.toLocaleString('en')} more came to no route: refused before, or none.`,
    tables: table(
      counted.length > 0 ? 'Endpoints by requests' : 'Endpoints by requests, lately',
      [
        { label: 'Method', unit: 'text' },
        { label: 'Route', unit: 'text' },
        { label: 'Requests', unit: 'count' },
        { label: 'Errors', unit: 'ratio' },
        { label: 'p95', unit: 'ms' },
      ],
      byCount(list).map(endpointRow),
    ),
  };
}

export function consumers({ stats }: Sources): Panel | undefined {
  const list = stats.get('analytics')?.list('consumers') ?? [];
  if (list.length === 0) return undefined;
  return {
    id: 'consumers',
    title: 'Top consumers',
    tables: table(
      'Consumers by requests',
      [
        { label: 'Consumer', unit: 'text' },
        { label: 'Requests', unit: 'count' },
      ],
      byCount(list).map((one) => ({ cells: [one.text('consumer'), one.number('count')] })),
    ),
  };
}

function byCount(list: readonly Reading[]): readonly Reading[] {
  return list.toSorted((one, other) => (other.number('count') ?? 0) - (one.number('count') ?? 0));
}

function endpointRow(one: Reading): Row {
  const errorRatio = one.number('errorRatio');
  return {
    tone: above(errorRatio, ...ERROR_RATIO),
    cells: [
      one.text('method'),
      one.text('route') ?? 'no route',
      one.number('count'),
      errorRatio,
      one.number('p95Ms') ?? one.number('latencyMs.p95'),
    ],
  };
}
