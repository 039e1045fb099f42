/** Pools of connections, of whichever component has one: who uses them, and who waits. */
import { above, type Panel, type Row, type Series, table, worst } from '../panel.ts';
import type { Reading } from '../reading.ts';
import type { Sources } from '../sources.ts';
import { POOL_SATURATION } from '../thresholds.ts';

/** Pools that are drawn; a service has one or two. */
const DRAWN = 3;

export function pools({ stats }: Sources): Panel | undefined {
  const found = [...stats].flatMap(([name, numbers]) =>
    numbers.has('pool') ? [[name, numbers.at('pool')] as const] : [],
  );
  if (found.length === 0) return undefined;
  const rows = found.map(([name, pool]) => rowOf(name, pool));
  return {
    id: 'pools',
    title: 'Pools',
    tone: worst(rows.map(({ tone }) => tone)),
    charts: [
      {
        title: 'Connections',
        unit: 'count',
        series: found.slice(0, DRAWN).flatMap(([name, pool]) => linesOf(name, pool)),
      },
    ],
    tables: table(
      'Pools',
      [
        { label: 'Pool', unit: 'text' },
        { label: 'In use', unit: 'count' },
        { label: 'Idle', unit: 'count' },
        { label: 'Waiting', unit: 'count' },
        { label: 'Saturation', unit: 'ratio' },
        { label: 'Acquire p95', unit: 'ms' },
        { label: 'Leaks', unit: 'count' },
      ],
      rows,
    ),
  };
}

function linesOf(name: string, pool: Reading): readonly Series[] {
  return [
    { key: `pools.${name}.inUse`, label: `${name} in use`, value: inUseOf(pool) },
    { key: `pools.${name}.waiting`, label: `${name} waiting`, value: pool.number('waiting') },
  ];
}

function rowOf(name: string, pool: Reading): Row {
  const saturation = pool.number('saturationRatio');
  const leaks = leaksOf(pool);
  return {
    tone: worst([above(saturation, ...POOL_SATURATION), above(leaks, 1, Infinity)]),
    cells: [
      name,
      inUseOf(pool),
      pool.number('idle'),
      pool.number('waiting'),
      saturation,
      pool.number('acquireMs.p95'),
      leaks,
    ],
  };
}

/** As it says, or what is not idle. */
function inUseOf(pool: Reading): number | undefined {
  const [size, idle] = [pool.number('size'), pool.number('idle')];
  const taken = size === undefined || idle === undefined ? undefined : size - idle;
  return pool.number('inUse') ?? taken;
}

/** A number, or the list of what was not given back. */
function leaksOf(pool: Reading): number | undefined {
  const listed = pool.list('leaks').length;
  return pool.sum('leaks') ?? (pool.has('leaks') ? listed : undefined);
}
