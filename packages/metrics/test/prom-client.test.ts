/** The bridge to prom-client: one page, whoever asks, and whoever has counted. */
import { channel } from 'node:diagnostics_channel';
import { defineComponent, FAULT_CHANNEL, type Fault } from '@org/core';
import { fakeClock } from '@org/core/testing';
import { metrics } from '@org/metrics';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, Summary } from 'prom-client';

import { parse } from './exposition-parser.ts';
import { ask, endAll, OPEN_METRICS, serving, valuesOf } from './serving.ts';

afterEach(endAll);

/** A registry with one metric of each kind. */
function filled(): Registry {
  const registry = new Registry();
  const registers = [registry];
  new Counter({
    name: 'shop_orders_total',
    help: 'Orders\nof all',
    labelNames: ['kind'],
    registers,
  }).inc({ kind: 'a"b' }, 3);
  new Counter({ name: 'shop_visits', help: 'Visits', registers }).inc(2);
  new Gauge({ name: 'shop_depth', help: 'Depth', registers }).set(-1.5);
  const waits = new Histogram({
    name: 'shop_wait_seconds',
    help: 'Waits',
    labelNames: ['k'],
    buckets: [0.1, 1],
    registers,
  });
  waits.observe({ k: 'x' }, 0.05);
  waits.observe({ k: 'x' }, 0.5);
  waits.observe({ k: 'x' }, 5);
  const sizes = new Summary({ name: 'shop_size', help: 'Sizes', percentiles: [0.5], registers });
  sizes.observe(7);
  return registry;
}

test('its metrics stand on our page, of all kinds, in both formats', async () => {
  const registry = filled();
  registry.setDefaultLabels({ region: 'eu' });
  const { url, scrape } = await serving({ registry, runtime: false }, () => undefined);
  const families = await scrape();
  expect(families.get('shop_orders')).toMatchObject({
    type: 'counter',
    samples: [{ name: 'shop_orders_total', labels: { region: 'eu', kind: 'a"b' }, value: 3 }],
  });
  // Without the ending of a counter it can only be of unknown type there; its name stays.
  expect(families.get('shop_visits')).toMatchObject({
    type: 'unknown',
    samples: [{ name: 'shop_visits', value: 2 }],
  });
  expect(valuesOf(families.get('shop_depth'))).toEqual({ 'region=eu': -1.5 });
  expect(families.get('shop_wait_seconds')!.samples.map(({ value }) => value)).toEqual([
    1, 2, 3, 5.55, 3,
  ]);
  expect(
    families
      .get('shop_size')!
      .samples.map(({ name, labels, value }) => [name, labels['quantile'], value]),
  ).toEqual([
    ['shop_size', '0.5', 7],
    ['shop_size_sum', undefined, 7],
    ['shop_size_count', undefined, 1],
  ]);
  const plain = parse(await (await fetch(`${url}/metrics`)).text(), 'prometheus');
  expect(plain.get('shop_orders_total')!.samples[0]!.value).toBe(3);
});

test('what we measure stands on its page, made when it is asked', async () => {
  const registry = filled();
  const { url, made } = await serving({ registry }, (app) =>
    app.get('/:id', (_req, res) => void res.send('x')),
  );
  made
    .counter('jobs_total', { help: 'Jobs.', labels: ['kind'] })
    .labels('mail')
    .add(4);
  await ask(`${url}/1`);
  await registry.metrics();
  const families = parse(withoutBlankLines(await registry.metrics()), 'prometheus');
  expect(valuesOf(families.get('http_server_request_duration_seconds'))).toEqual({
    'http_request_method=GET,http_route=/:id,http_response_status_code=200,url_scheme=http': 1,
  });
  expect(valuesOf(families.get('jobs_total'))).toEqual({ 'kind=mail': 4 });
  expect(families.has('shop_orders_total')).toBe(true);
  expect(families.has('process_cpu_time_seconds_total')).toBe(true);
});

test('its page in OpenMetrics has our exemplars', async () => {
  const registry = new Registry();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  const made = metrics({ registry, runtime: false });
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
  made.histogram('wait_seconds', { help: 'Waits.', buckets: [1] }).observe(0.5, trace);
  made.counter('jobs_total', { help: 'Jobs.' }).add();
  await registry.metrics();
  const families = parse(await registry.metrics(), 'openmetrics');
  expect(families.get('wait_seconds')!.samples[0]).toMatchObject({
    exemplar: { value: 0.5, labels: { trace_id: 'a'.repeat(32) } },
  });
  expect(families.get('jobs')!.samples[0]!.value).toBe(1);
  made.close();
});

test('a series of a component that appears later is found from the next time on', async () => {
  const registry = new Registry();
  let more = {};
  const component = defineComponent('late', { stats: () => more });
  const made = metrics({ registry, components: [component], runtime: false });
  more = { hitsTotal: 1 };
  await registry.metrics();
  expect(await registry.metrics()).toContain('\norg_late_hits_total 1');
  made.close();
});

test('a name that is taken there stays the application’s', async () => {
  const registry = new Registry();
  const theirs = new Gauge({
    name: 'process_uptime_seconds',
    help: 'Theirs',
    registers: [registry],
  });
  theirs.set(-7);
  const made = metrics({ registry });
  expect(await registry.metrics()).toContain('process_uptime_seconds -7');
  expect((await made.page()).body).toMatch(/^process_uptime_seconds -7$/m);
  expect((await made.page()).body.match(/^process_uptime_seconds /gm)).toHaveLength(1);
  made.close();
  expect(registry.getSingleMetric('process_uptime_seconds')).toBe(theirs);
});

test('its default metrics and ours do not get in each other’s way', async () => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const made = metrics({ registry });
  const families = parse((await made.page(OPEN_METRICS)).body, 'openmetrics');
  const theirs = [
    'process_cpu_user_seconds',
    'nodejs_eventloop_lag_p50_seconds',
    'process_resident_memory_bytes',
  ];
  for (const name of [...theirs, 'nodejs_heap_size_used_bytes', 'process_cpu_seconds']) {
    expect(families.has(name)).toBe(true);
  }
  expect(families.has('process_memory_usage_bytes')).toBe(true);
  made.close();
  registry.clear();
});

test('a metric of theirs that fails is reported once, and the others stand', async () => {
  const faults: Fault[] = [];
  const hear = (fault: unknown): number => faults.push(fault as Fault);
  channel(FAULT_CHANNEL).subscribe(hear);
  const registry = filled();
  registry.registerMetric(
    new Gauge({
      name: 'shop_failing',
      help: 'Failing',
      registers: [],
      collect() {
        throw new Error('deliberate');
      },
    }),
  );
  const made = metrics({ registry, runtime: false });
  for (let at = 0; at < 2; at++) {
    expect((await made.page()).body).toContain('\nshop_depth -1.5\n');
  }
  channel(FAULT_CHANNEL).unsubscribe(hear);
  made.close();
  expect(faults.map(({ where }) => where)).toEqual(['metrics registry']);
});

test('one that speaks OpenMetrics keeps the names of its counters here, and is left as it was', async () => {
  const registry = filled();
  const before = registry.getMetricsAsArray().length;
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  const made = metrics({ registry, runtime: false });
  made.counter('jobs_total', { help: 'Jobs.' }).add();
  // It takes the endings off, then and for good.
  await registry.metrics();
  await registry.metrics();
  const families = parse((await made.page()).body, 'prometheus');
  expect(families.get('shop_orders_total')).toMatchObject({ type: 'counter' });
  expect(families.get('shop_visits_total')).toMatchObject({ type: 'counter' });
  made.close();
  expect(registry.getMetricsAsArray()).toHaveLength(before);
});

test('close() takes ours out again, and resetting theirs does not reset ours', async () => {
  const registry = filled();
  const before = registry.getMetricsAsArray().length;
  const made = metrics({ registry, clock: fakeClock() });
  made.counter('jobs_total', { help: 'Jobs.' }).add();
  await registry.metrics();
  registry.resetMetrics();
  expect(await registry.metrics()).toContain('\njobs_total 1');
  made.close();
  expect(registry.getMetricsAsArray()).toHaveLength(before);
});

/** prom-client parts its families by blank lines, which the format allows. */
function withoutBlankLines(text: string): string {
  return text.replaceAll(/\n\n+/g, '\n');
}
