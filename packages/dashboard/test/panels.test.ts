import type { Component } from '@org/core';
import * as fc from 'fast-check';

import { Rates } from '../src/rates.ts';
import { knownStates } from '../src/check-states.ts';
import type { Panel } from '../src/panel.ts';
import { panelsOf } from '../src/panels/index.ts';
import type { Sources } from '../src/sources.ts';
import { Reading } from '../src/reading.ts';
import { everything, standIn, traffic } from './stand-ins.ts';

const PROCESS = { uptimeMs: 60_000, rssBytes: 90e6, heapUsedBytes: 30e6, utilizationRatio: 0.3 };

function sourcesOf(components: readonly Component[], more: Partial<Sources> = {}): Sources {
  const stats = new Map(components.map((one) => [one.name, new Reading(one.stats?.())]));
  const health = stats.get('health');
  return {
    state: 'ready',
    stats,
    traffic: [],
    checks: health === undefined ? [] : knownStates(health),
    process: PROCESS,
    rates: new Rates(),
    ...more,
  };
}

function panelOf(panels: readonly Panel[], id: string): Panel {
  const found = panels.find((panel) => panel.id === id);
  if (found === undefined) throw new Error(`no panel ${id}`);
  return found;
}

const one = (id: string, ...components: Component[]): Panel =>
  panelOf(panelsOf(sourcesOf(components)), id);

const fact = (panel: Panel, label: string) => panel.facts?.find((has) => has.label === label);

describe('panels', () => {
  it('are there for every component, in their order', () => {
    const panels = panelsOf(
      sourcesOf(
        everything(() => 1000),
        { traffic: traffic(1000) },
      ),
    );
    expect(panels.map(({ id }) => id)).toEqual([
      'overview',
      'throughput',
      'latency',
      'loop',
      'pipeline',
      'errors',
      'health',
      'endpoints',
      'consumers',
      'cache',
      'queue',
      'limits',
      'circuits',
      'pools',
      'sockets',
      'jobs',
      'memory',
      'others',
    ]);
    const keys = panels.flatMap(({ charts = [] }) =>
      charts.flatMap(({ series }) => series.map(({ key }) => key)),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('are absent where their component is: what is left is the process, and a word why', () => {
    const panels = panelsOf(sourcesOf([], { state: undefined }));
    expect(panels.map(({ id }) => id)).toEqual(['overview', 'loop', 'memory']);
    expect(panelOf(panels, 'overview').note).toContain('"components"');
  });

  it('show what is known where numbers are missing, are odd, or are of another kind', () => {
    const names = everything(() => 1).map(({ name }) => name);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...names), fc.anything()), { maxLength: 6 }),
        fc.object({ maxDepth: 4, key: fc.constantFrom(...MEMBERS) }),
        (odd, shaped) => {
          const stats = new Map(odd.map(([name, value]) => [name, new Reading(value)]));
          for (const name of names) stats.set(name, stats.get(name) ?? new Reading(shaped));
          const panels = panelsOf(sourcesOf([], { stats, rates: new Rates() }));
          // Whatever it was, it becomes JSON that says the same.
          expect(() => JSON.stringify(panels)).not.toThrow();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('count requests by who sees what passed the edge', () => {
    const rates = new Rates();
    rates.begin(0);
    panelsOf(sourcesOf([], { rates, traffic: traffic(1000) }));
    rates.begin(1000);
    const panels = panelsOf(sourcesOf([], { rates, traffic: traffic(2000) }));
    // 'correlation' is the first behind the edge, and saw 91 % of them.
    expect(fact(panelOf(panels, 'overview'), 'Requests')).toMatchObject({
      value: 910,
      unit: 'rate',
    });
  });

  it('know no percentile of requests that nobody has made', () => {
    const quiet = { windowMs: 60_000, http: { count: 0, latencyMs: { p50: 0, p95: 0, max: 0 } } };
    const panels = panelsOf(sourcesOf([standIn('metrics', quiet)]));
    expect(fact(panelOf(panels, 'overview'), 'Latency p50')?.value).toBeUndefined();
    const { charts, facts, note } = panelOf(panels, 'latency');
    expect(charts?.[0]?.series.map(({ value }) => value)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(facts?.[0]?.value).toBeUndefined();
    expect(note).toBe('Percentiles of the last 60 s.');
  });

  it('tell the loop as it is now, not as it was in the mean of a minute', () => {
    const panels = panelsOf(
      sourcesOf([standIn('metrics', { eventLoop: { utilizationRatio: 0.9 } })]),
    );
    expect(fact(panelOf(panels, 'overview'), 'Event loop')?.value).toBe(0.3);
    expect(panelOf(panels, 'loop').charts?.[0]?.series[0]?.value).toBe(0.3);
  });

  it('tell thresholds by tones', () => {
    const at = (errorRatio: number): unknown =>
      fact(one('overview', standIn('metrics', { http: { errorRatio } })), 'Errors')?.tone;
    expect(at(0.009)).toBeUndefined();
    expect(at(0.01)).toBe('warn');
    expect(at(0.05)).toBe('bad');
  });
});

/** Names that panels look for, so that odd values come to where they are read. */
const MEMBERS = [
  'http',
  'latencyMs',
  'p95',
  'middleware',
  'name',
  'selfMs',
  'pool',
  'acquireMs',
  'breakers',
  'routes',
  'recent',
  'checks',
  'types',
  'endpoints',
  'count',
  'refusedTotal',
  'leaks',
  'status',
  'causes',
];

describe('errors', () => {
  const caught = standIn('errors', {
    clientErrorsTotal: 3,
    serverErrorsTotal: 8,
    cutTotal: 0,
    recent: [],
  });
  const http = { errorRatio: 0, clientErrorsTotal: 40, serverErrorsTotal: 2 };

  it('are those that clients were answered: a limit refuses by itself, a cache hides failures', () => {
    const panels = panelsOf(
      sourcesOf([caught, standIn('metrics', { http })], { traffic: traffic(9) }),
    );
    for (const id of ['throughput', 'errors']) {
      expect(fact(panelOf(panels, id), 'Client errors')?.value).toBe(40);
      expect(fact(panelOf(panels, id), 'Server errors')?.value).toBe(2);
    }
    const panel = panelOf(panels, 'errors');
    expect(fact(panel, 'Failed inside')?.value).toBe(8);
    expect(panel.note).toContain('cache');
  });

  it('are those that the error handlers have seen, where there is nobody else to ask', () => {
    const panels = panelsOf(sourcesOf([caught], { traffic: traffic(9) }));
    expect(fact(panelOf(panels, 'throughput'), 'Client errors')?.value).toBe(3);
    expect(fact(panelOf(panels, 'errors'), 'Server errors')?.value).toBe(8);
    expect(panelOf(panels, 'errors').note).toBeUndefined();
  });
});

describe('the pipeline', () => {
  it('has every middleware in its order with its exact calls, and what is no middleware last', () => {
    const [metrics] = everything(() => 1000);
    const panels = panelsOf(sourcesOf([metrics!], { traffic: traffic(1000) }));
    const { waterfall = [] } = panelOf(panels, 'pipeline');
    expect(waterfall[0]).toEqual({
      name: 'health',
      phase: 'edge',
      calls: 1000,
      errors: 0,
      p50Ms: 0.0006,
      p95Ms: 0.00156,
    });
    expect(waterfall.slice(-2)).toMatchObject([
      { name: 'handler', phase: undefined, p50Ms: 3.2 },
      { name: 'flush', phase: undefined },
    ]);
  });

  it('knows no time of what has not been timed lately', () => {
    const middleware = [{ name: 'health', calls: 10, timed: 0, selfMs: { p50: 0, p95: 0 } }];
    const [stage, ...none] = one('pipeline', standIn('metrics', { middleware })).waterfall ?? [];
    expect([stage?.calls, stage?.p50Ms, stage?.p95Ms, none]).toEqual([
      10,
      undefined,
      undefined,
      [],
    ]);
    expect(one('pipeline', standIn('metrics', { middleware })).note).toContain('lately');
  });

  it('is there without metrics, without times', () => {
    const panel = panelOf(panelsOf(sourcesOf([], { traffic: traffic(10) })), 'pipeline');
    expect(panel.note).toContain('metrics');
    expect(panel.waterfall?.[0]).toMatchObject({ name: 'health', p50Ms: undefined });
  });
});

describe('the cache', () => {
  it('has the ratio of the interval in its chart, and the one since the start as a fact', () => {
    const rates = new Rates();
    const at = (hitsTotal: number, missesTotal: number): Panel =>
      panelOf(
        panelsOf(
          sourcesOf([standIn('cache', { hitRatio: 0.5, hitsTotal, missesTotal })], { rates }),
        ),
        'cache',
      );
    rates.begin(0);
    expect(at(10, 10).charts?.[0]?.series[0]?.value).toBeUndefined();
    rates.begin(1000);
    const panel = at(19, 11);
    expect(panel.charts?.[0]?.series[0]?.value).toBe(0.9);
    expect(fact(panel, 'Hit ratio')?.value).toBe(0.5);
    rates.begin(2000);
    expect(at(19, 11).charts?.[0]?.series[0]?.value).toBeUndefined();
  });
});

describe('circuits', () => {
  it('of every name stand in one table, the worst first, with the least score', () => {
    const panel = one('circuits', ...everything(() => 1));
    expect(panel.tone).toBe('bad');
    expect(panel.tables?.[0]?.rows.map(({ cells, tone }) => [cells[0], cells[1], tone])).toEqual([
      ['weather:GET /now', 'open', 'bad'],
      ['payments', 'half-open', 'warn'],
      ['weather:GET /days', 'closed', 'good'],
    ]);
    expect(panel.charts?.[0]?.series[0]?.value).toBe(0.31);
  });
});

describe('limits', () => {
  it('name every reason, the most frequent first', () => {
    const panel = one('limits', ...everything(() => 10_000));
    expect(panel.tables?.[0]?.rows.map(({ cells }) => cells)).toEqual([
      ['limit default on *', 90],
      ['blocked address', 40],
      ['limit burst on /api/trips', 30],
      ['sqli', 13],
      ['xss', 5],
      ['traversal', 2],
    ]);
  });

  it('say why they are lowered', () => {
    const lowered = { limitRatio: 0.5, limitReason: 'latency is above its objective' };
    const panel = one('limits', standIn('rate-limit', lowered));
    expect(panel).toMatchObject({ tone: 'warn', note: 'latency is above its objective' });
  });
});

describe('pools', () => {
  it('are those of any component that has one', () => {
    const pool = { size: 4, inUse: 4, idle: 0, waiting: 3, saturationRatio: 1, leaks: [{}, {}] };
    const panel = one(
      'pools',
      standIn('db', { pool }),
      standIn('replica', { pool: { size: 3, idle: 2 } }),
    );
    expect(panel.tone).toBe('bad');
    expect(panel.tables?.[0]?.rows.map(({ cells }) => cells)).toEqual([
      ['db', 4, 0, 3, 1, undefined, 2],
      ['replica', 1, 2, undefined, undefined, undefined, undefined],
    ]);
  });
});

describe('health', () => {
  it('lists what is not well with its causes, the worst first, and names what is', () => {
    const panel = one('health', ...everything(() => 1));
    expect(panel).toMatchObject({ tone: 'bad', note: 'Well: cache, queue.' });
    expect(panel.tables?.[0]?.rows.map(({ cells }) => cells)).toEqual([
      ['database', 'failing', undefined, 'connect ECONNREFUSED 10.0.3.7:5432'],
      ['orders', 'failing', 'database', undefined],
      ['mail', 'failing, optional', undefined, undefined],
      ['weather:circuit', 'degraded', undefined, 'open: weather:GET /now'],
    ]);
  });
});

describe('health in the overview', () => {
  it.each([
    [['pass', 'warn', 'fail'], '1 failing', 'bad'],
    [['pass', 'warn', 'unknown'], '1 degraded', 'warn'],
    [['pass', 'unknown', 'unknown'], '2 unknown', 'warn'],
    [['pass', 'pass'], 'all well', 'good'],
  ])('of %j is %s', (statuses, value, tone) => {
    const checks = Object.fromEntries(statuses.map((status, at) => [`check ${at}`, { status }]));
    expect(fact(one('overview', standIn('health', { checks })), 'Health')).toMatchObject({
      value,
      tone,
    });
  });
});

describe('tables', () => {
  it('have at most 20 rows, and say how many were left out', () => {
    const endpoints = Array.from({ length: 50 }, (_, at) => ({ route: `/r${at}`, count: at }));
    const [table] = one('endpoints', standIn('analytics', { endpoints })).tables ?? [];
    expect(table?.rows).toHaveLength(20);
    expect(table?.rows[0]?.cells[1]).toBe('/r49');
    expect(table?.more).toBe(30);
  });

  it('of endpoints say how many requests are none of theirs', () => {
    const endpoints = [{ route: '/a', count: 1 }];
    const panel = one('endpoints', standIn('analytics', { endpoints, unroutedTotal: 4366 }));
    expect(panel.note).toMatch(/^4,366 more came to no route/);
    expect(one('endpoints', standIn('analytics', { endpoints })).note).toBeUndefined();
  });

  it('of metrics stand in for those of analytics', () => {
    const routes = [{ method: 'GET', route: '/a', count: 3, latencyMs: { p95: 7 }, errorRatio: 0 }];
    const [table] = one('endpoints', standIn('metrics', { routes })).tables ?? [];
    expect(table?.rows[0]?.cells).toEqual(['GET', '/a', 3, 0, 7]);
  });
});

describe('other components', () => {
  it('show what is not zero', () => {
    const panel = one('others', ...everything(() => 7));
    expect(panel.tables?.map(({ caption }) => caption)).toEqual([
      'db',
      'logging',
      'compression',
      'timeout',
    ]);
    // Its pool has a panel.
    expect(panel.tables?.[0]?.rows.map(({ cells }) => cells)).toEqual([
      ['queriesTotal', 14],
      ['transactions.active', 2],
    ]);
    expect(panel.tables?.[1]?.rows.map(({ cells }) => cells)).toEqual([
      ['writtenTotal', 14],
      ['bufferedLines', 14],
    ]);
  });

  it('show what is not zero behind however much that is', () => {
    const zeros = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`n${at}`, 0]));
    const pool = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`n${at}`, 1]));
    const panel = one('others', standIn('db', { pool, zeros, retriedTotal: 3 }));
    expect(panel.tables?.[0]?.rows.map(({ cells }) => cells)).toEqual([['retriedTotal', 3]]);
  });

  it('have the units that their names end in', () => {
    const mine = {
      queriesMs: 4811.9,
      waitMs: { p95: 3 },
      inBytesTotal: 5e6,
      ratio: 0.26,
      count: 7,
    };
    const [table] = one('others', standIn('mine', mine)).tables ?? [];
    expect(table?.rows.map(({ cells, unit }) => [cells[0], unit])).toEqual([
      ['queriesMs', 'ms'],
      ['waitMs.p95', 'ms'],
      ['inBytesTotal', 'bytes'],
      ['ratio', 'ratio'],
      ['count', undefined],
    ]);
  });
});
