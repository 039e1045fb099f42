/** Circuits, the worst first: their state, and how healthy what lies behind them is. */
import { type Panel, type Row, table, type Tone, worst } from '../panel.ts';
import type { Reading } from '../reading.ts';
import { family, type Sources } from '../sources.ts';

export function circuits(sources: Sources): Panel | undefined {
  const found = family(sources, 'circuit');
  if (found.length === 0) return undefined;
  const breakers = found.flatMap(([, numbers]) => numbers.entries('breakers'));
  const rows = breakers
    .map(([name, numbers]) => rowOf(name, numbers))
    .toSorted((one, other) => Number(one.cells[2] ?? 1) - Number(other.cells[2] ?? 1));
  const sum = (name: string): number =>
    found.reduce((total, [, numbers]) => total + (numbers.number(name) ?? 0), 0);
  const open = sum('open') + sum('isolated');
  return {
    id: 'circuits',
    title: 'Circuits',
    tone: worst(rows.map(({ tone }) => tone)),
    facts: [
      { label: 'Circuits', unit: 'count', value: sum('count') },
      { label: 'Open', unit: 'count', value: open, tone: open > 0 ? 'bad' : undefined },
      {
        label: 'Half open',
        unit: 'count',
        value: sum('halfOpen'),
        tone: sum('halfOpen') > 0 ? 'warn' : undefined,
      },
      { label: 'Opened so far', unit: 'count', value: sum('openedTotal') },
    ],
    charts: [
      {
        title: 'Least health score',
        unit: 'ratio',
        series: [{ key: 'circuits.health', label: 'Health score', value: leastHealth(found) }],
      },
    ],
    tables: table(
      'Circuits, the worst first',
      [
        { label: 'Circuit', unit: 'text' },
        { label: 'State', unit: 'text' },
        { label: 'Health', unit: 'ratio' },
        { label: 'Running', unit: 'count' },
        { label: 'Failed', unit: 'count' },
        { label: 'Refused', unit: 'count' },
      ],
      rows,
    ),
  };
}

const TONES: ReadonlyMap<string | undefined, Tone> = new Map<string, Tone>([
  ['closed', 'good'],
  ['half-open', 'warn'],
  ['open', 'bad'],
  ['isolated', 'bad'],
]);

function rowOf(name: string, numbers: Reading): Row {
  const state = numbers.text('state');
  return {
    tone: TONES.get(state),
    cells: [
      name,
      state,
      numbers.number('healthRatio'),
      numbers.number('inflight'),
      numbers.number('failureTotal'),
      numbers.number('refusedTotal'),
    ],
  };
}

function leastHealth(found: readonly (readonly [string, Reading])[]): number | undefined {
  const scores = found.flatMap(([, numbers]) => numbers.number('healthRatio') ?? []);
  return scores.length === 0 ? undefined : Math.min(...scores);
}
