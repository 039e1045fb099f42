/** Series from what components tell of themselves. */
import { channel } from 'node:diagnostics_channel';
import { type Component, defineComponent, FAULT_CHANNEL, type Fault, type Stats } from '@org/core';
import { metrics } from '@org/metrics';
import * as fc from 'fast-check';

import { mergeFamilies } from '../src/merge-families.ts';
import { Overflow } from '../src/overflow.ts';
import { StatsSeries } from '../src/stats-series.ts';
import { parse, type ParsedFamily } from './exposition-parser.ts';
import { OPEN_METRICS, valuesOf } from './serving.ts';

async function seriesOf(
  name: string,
  stats: () => unknown,
  maxSeries = 1000,
): Promise<Map<string, ParsedFamily>> {
  const component: Component = defineComponent(name, { stats: stats as () => Stats });
  const one = metrics({ components: [component], runtime: false, maxSeries });
  const { body: text } = await one.page(OPEN_METRICS);
  one.close();
  const families = parse(text, 'openmetrics');
  return new Map(
    [...families].filter(
      ([family]) => family.startsWith('org_') && !family.startsWith('org_metrics_'),
    ),
  );
}

/** What series of a component become, as `name{labels} value`, with the type and unit of the family. */
async function told(name: string, stats: unknown): Promise<Record<string, unknown>> {
  const families = await seriesOf(name, () => stats);
  return Object.fromEntries(
    [...families.values()].map((family) => [`${family.type} ${family.name}`, valuesOf(family)]),
  );
}

test('numbers are gauges, those that only grow counters, and units are spelled out', async () => {
  expect(
    await told('rate-limit', {
      keys: 5,
      allowedTotal: 7,
      waitMs: 250,
      waitedMsTotal: 1500,
      bufferedBytes: 64,
      readBytesTotal: 9,
      limitRatio: 0.5,
      resetAt: 1_700_000_000_000,
    }),
  ).toEqual({
    'gauge org_rate_limit_keys': { '': 5 },
    'counter org_rate_limit_allowed': { '': 7 },
    'gauge org_rate_limit_wait_seconds': { '': 0.25 },
    'counter org_rate_limit_waited_seconds': { '': 1.5 },
    'gauge org_rate_limit_buffered_bytes': { '': 64 },
    'counter org_rate_limit_read_bytes': { '': 9 },
    'gauge org_rate_limit_limit_ratio': { '': 0.5 },
    'gauge org_rate_limit_reset_timestamp_seconds': { '': 1_700_000_000 },
  });
});

test('groups join the name, and lend it their unit', async () => {
  expect(
    await told('db', {
      pool: { size: 10, inUse: 3, saturationRatio: 0.3, acquireMs: { p50: 1, p99: 20 } },
    }),
  ).toEqual({
    'gauge org_db_pool_size': { '': 10 },
    'gauge org_db_pool_in_use': { '': 3 },
    'gauge org_db_pool_saturation_ratio': { '': 0.3 },
    'gauge org_db_pool_acquire_p50_seconds': { '': 0.001 },
    'gauge org_db_pool_acquire_p99_seconds': { '': 0.02 },
  });
});

test('texts are left out, booleans are 1 and 0, and so is what is no number', async () => {
  expect(
    await told('security:csrf', {
      state: 'open',
      on: true,
      off: false,
      none: undefined,
      nan: Number.NaN,
    }),
  ).toEqual({ 'gauge org_security_csrf_on': { '': 1 }, 'gauge org_security_csrf_off': { '': 0 } });
});

test('lists are tables: what names a row is its labels', async () => {
  expect(
    await told('tasks', {
      types: [
        { name: 'mail', state: 'fine', waiting: 3, doneTotal: 8 },
        { name: 'report', state: 'fine', waiting: 0, doneTotal: 1 },
      ],
      consumers: [{ consumer: 'n-4f1a', count: 9 }],
      endpoints: [{ method: 'GET', route: '/a/:id', count: 4, latencyMs: { p95: 30 } }],
      nameless: [{ count: 1 }],
      plain: [1, 2, 3],
    }),
  ).toEqual({
    'gauge org_tasks_types_waiting': { 'name=mail': 3, 'name=report': 0 },
    'counter org_tasks_types_done': { 'name=mail': 8, 'name=report': 1 },
    'gauge org_tasks_endpoints_count': { 'route=/a/:id,method=GET': 4 },
    'gauge org_tasks_endpoints_latency_p95_seconds': { 'route=/a/:id,method=GET': 0.03 },
  });
});

test('groups in the plural are tables by name, and tables in tables as well', async () => {
  expect(
    await told('health', {
      checks: { db: { runsTotal: 5 }, 'my-orders': { runsTotal: 2 } },
      routes: { '/api/:x': { policies: { default: { deniedTotal: 4 } } } },
      limits: { '*': { default: { deniedTotal: 3 }, burst: { deniedTotal: 1 } } },
      levels: { access: 'info' },
    }),
  ).toEqual({
    'counter org_health_checks_runs': { 'name=db': 5, 'name=my-orders': 2 },
    'counter org_health_routes_policies_denied': { 'name=/api/:x,part=default': 4 },
    'counter org_health_limits_denied': { 'name=*,part=default': 3, 'name=*,part=burst': 1 },
  });
});

test('groups of what only grows are one counter, by name', async () => {
  expect(
    await told('versioning', {
      requestsTotal: { '2026-01-01': 40, '2026-11-01': 2 },
      waitedMsTotal: { a: 500 },
      noneTotal: {},
    }),
  ).toEqual({
    'counter org_versioning_requests': { 'name=2026-01-01': 40, 'name=2026-11-01': 2 },
    'counter org_versioning_waited_seconds': { 'name=a': 0.5 },
  });
});

test('lists of single events are for people, and left out', async () => {
  expect(
    await told('errors', {
      recent: [{ at: 1, id: 'a', route: '/x', status: 500 }],
      kinds: [{ type: 'x', at: 3, count: 1 }],
      seenTotal: 1,
    }),
  ).toEqual({ 'counter org_errors_seen': { '': 1 } });
});

test('a level and a total of one name are both told, whichever comes first, and so are two units', async () => {
  const queue = { queued: 3, queuedTotal: 40 };
  const pool = { entriesBytes: 64, entriesTotal: 9, entries: 2, waitMs: 10, waitMsTotal: 500 };
  expect(await told('queue', queue)).toEqual({
    'gauge org_queue_queued': { '': 3 },
    // OpenMetrics has no two families of one name; the sample is called as ever.
    'unknown org_queue_queued_total': { '': 40 },
  });
  expect(await told('pool', pool)).toEqual({
    'gauge org_pool_entries_bytes': { '': 64 },
    'unknown org_pool_entries_total': { '': 9 },
    'gauge org_pool_entries': { '': 2 },
    'gauge org_pool_wait_seconds': { '': 0.01 },
    'unknown org_pool_wait_seconds_total': { '': 0.5 },
  });
  const component = defineComponent('queue', { stats: () => queue });
  const one = metrics({ components: [component], runtime: false });
  const plain = parse((await one.page()).body, 'prometheus');
  one.close();
  expect(plain.get('org_queue_queued_total')).toMatchObject({ type: 'counter' });
  expect(plain.get('org_queue_queued')).toMatchObject({ type: 'gauge' });
});

test('a unit alone is one too', async () => {
  const stats = { ratio: 0.2, bytes: 7, gap: { ms: 5 } };
  expect(await told('compression', stats)).toEqual({
    'gauge org_compression_ratio': { '': 0.2 },
    'gauge org_compression_bytes': { '': 7 },
    'gauge org_compression_gap_seconds': { '': 0.005 },
  });
});

test('in a cluster what is on is on, however many say so, and ratios are no sums', () => {
  const part = (overloaded: boolean, ratio: number) => {
    const series = new StatsSeries('org', new Overflow(100));
    series.add('queue', { overloaded, ratio, limit: 10 });
    return series.all();
  };
  const merged = mergeFamilies([part(true, 0.25), part(true, 0.5), part(false, 0.75)]);
  const values = Object.fromEntries(
    merged.map(({ name, samples }) => [name, (samples[0] as { value: number }).value]),
  );
  expect(values).toEqual({ 'org.queue.overloaded': 1, 'org.queue': 0.5, 'org.queue.limit': 30 });
});

test('the first of two that come to one name stands', async () => {
  expect(
    await told('odd', {
      hits_total: 1,
      hitsTotal: 2,
      rows: [
        { name: 'a', n: 1 },
        { name: 'a', n: 2 },
      ],
      'h!ts': 3,
    }),
  ).toEqual({
    'gauge org_odd_hits_total': { '': 1 },
    'gauge org_odd_rows_n': { 'name=a': 1 },
    'gauge org_odd_h_ts': { '': 3 },
  });
});

test('there are no more than there may be', async () => {
  const rows = Array.from({ length: 50 }, (_, at) => ({ name: `row ${at}`, count: at }));
  const families = await seriesOf('many', () => ({ rows }), 10);
  expect(families.get('org_many_rows_count')!.samples).toHaveLength(10);
});

test('whatever a component tells, the page can be read', async () => {
  const leaf = fc.oneof(fc.double(), fc.boolean(), fc.string(), fc.constant(undefined));
  const key = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      'waitMs',
      'Total',
      'hitsTotal',
      'xRatio',
      'rows',
      'name',
      'at',
      'ss',
      'nAt',
      '__proto__',
    ),
  );
  const { stats } = fc.letrec((tie) => ({
    stats: fc.dictionary(
      key,
      fc.oneof({ maxDepth: 4 }, leaf, tie('stats'), fc.array(tie('stats'), { maxLength: 3 })),
      { maxKeys: 4 },
    ),
  }));
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), stats, async (name, given) => {
      await expect(seriesOf(name, () => given)).resolves.toBeInstanceOf(Map);
    }),
  );
});

test('a circle does not hang anybody', async () => {
  const circle: Record<string, unknown> = { n: 1 };
  circle['again'] = circle;
  expect((await seriesOf('round', () => circle)).size).toBeLessThanOrEqual(10);
  // Each level would have thirty times the members of the one above it.
  const many: Record<string, unknown> = { n: 1 };
  for (let at = 0; at < 30; at++) many[`again${at}`] = many;
  expect((await seriesOf('round', () => many)).size).toBeLessThanOrEqual(1000);
});

test('a component that fails is reported once, and its neighbours stand', async () => {
  const faults: Fault[] = [];
  const hear = (fault: unknown): number => faults.push(fault as Fault);
  channel(FAULT_CHANNEL).subscribe(hear);
  const failing = defineComponent('failing', {
    stats() {
      throw new Error('deliberate');
    },
  });
  const fine = defineComponent('fine', { stats: () => ({ n: 1 }) });
  const one = metrics({ components: [failing, fine], runtime: false });
  for (let at = 0; at < 3; at++) expect((await one.page()).body).toContain('\norg_fine_n 1\n');
  channel(FAULT_CHANNEL).unsubscribe(hear);
  one.close();
  expect(faults.map(({ where }) => where)).toEqual(['stats of failing']);
});

test('prefix and wish: other names, or none', async () => {
  const fine = defineComponent('fine', { stats: () => ({ n: 1 }) });
  const renamed = metrics({ components: [fine], runtime: false, prefix: 'shop' });
  expect((await renamed.page()).body).toContain('\nshop_fine_n 1\n');
  const without = metrics({ components: [fine], runtime: false, componentStats: false });
  expect((await without.page()).body).not.toContain('fine');
  renamed.close();
  without.close();
});
