/** Export through the OpenTelemetry API, with its own SDK behind it. */
import { metrics as api } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { defineComponent } from '@org/core';
import { fakeClock } from '@org/core/testing';
import { metrics } from '@org/metrics';

import { ask, clean, endAll, serving } from './serving.ts';

let exporter: InMemoryMetricExporter;
let reader: PeriodicExportingMetricReader;
beforeEach(() => {
  exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const provider = new MeterProvider({ readers: [reader] });
  api.setGlobalMeterProvider(provider);
  clean.push(async () => {
    await provider.shutdown();
    api.disable();
  });
});
afterEach(endAll);

/** What the SDK has collected by now, by name. */
async function collected(): Promise<Map<string, MetricData>> {
  exporter.reset();
  await reader.forceFlush();
  const all = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
  expect(all.every(({ scope }) => scope.name === '@org/metrics')).toBe(true);
  return new Map(
    all.flatMap((scope) => scope.metrics).map((metric) => [metric.descriptor.name, metric]),
  );
}

test('requests are recorded as they end, with the attributes of the conventions', async () => {
  const { url, made } = await serving(
    { openTelemetry: true, bucketsMs: [100, 1000] },
    (app, clock) => {
      app.post('/slow/:id', (req, res) => {
        req.resume();
        clock.advance(250);
        res.status(500).send('late');
      });
    },
  );
  await made.start();
  await ask(`${url}/slow/1`, { method: 'POST', body: 'four' });
  await ask(`${url}/slow/2`, { method: 'POST', body: 'four' });
  const found = await collected();
  const duration = found.get('http.server.request.duration')!;
  expect(duration.descriptor.unit).toBe('s');
  expect(duration.dataPointType).toBe(DataPointType.HISTOGRAM);
  expect(duration.dataPoints).toMatchObject([
    {
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/slow/:id',
        'http.response.status_code': 500,
        'url.scheme': 'http',
        'error.type': '500',
      },
      value: { count: 2, sum: 0.5, buckets: { boundaries: [0.1, 1], counts: [0, 2, 0] } },
    },
  ]);
  expect(found.get('http.server.request.body.size')!.dataPoints[0]!.value).toMatchObject({
    count: 2,
    sum: 8,
  });
  expect(found.get('http.server.response.body.size')!.dataPoints[0]!.value).toMatchObject({
    sum: 8,
  });
});

test('counters and levels are observed when they are collected, new ones from the next time on', async () => {
  let stats: Record<string, number> = { hitsTotal: 3, sizeBytes: 100 };
  const cache = defineComponent('cache', { stats: () => stats });
  const made = metrics({ openTelemetry: true, components: [cache], clock: fakeClock() });
  clean.push(() => made.close());
  await made.start();
  made
    .counter('jobs_total', { help: 'Jobs.', labels: ['kind'] })
    .labels('mail')
    .add(2);
  await collected();
  stats = { hitsTotal: 5, sizeBytes: 90, waitMs: 20 };
  await collected();
  const found = await collected();
  const point = (name: string) => found.get(name)?.dataPoints[0];
  expect(point('org.cache.hits')).toMatchObject({ value: 5, attributes: {} });
  expect(found.get('org.cache.hits')).toMatchObject({ isMonotonic: true });
  expect(point('org.cache.size')).toMatchObject({ value: 90 });
  expect(found.get('org.cache.size')!.descriptor.unit).toBe('By');
  expect(point('org.cache.wait')).toMatchObject({ value: 0.02 });
  expect(point('jobs')).toMatchObject({ value: 2, attributes: { kind: 'mail' } });
  expect(found.get('nodejs.eventloop.utilization')!.descriptor.unit).toBe('1');
});

test('a level and a total of one name are two instruments', async () => {
  const queue = defineComponent('queue', { stats: () => ({ queued: 3, queuedTotal: 40 }) });
  const made = metrics({ openTelemetry: true, components: [queue], runtime: false });
  clean.push(() => made.close());
  await made.start();
  const found = await collected();
  expect(found.get('org.queue.queued')!.dataPoints[0]!.value).toBe(3);
  expect(found.get('org_queue_queued_total')!.dataPoints[0]!.value).toBe(40);
});

test('the application’s histograms are recorded too', async () => {
  const made = metrics({ openTelemetry: true, runtime: false });
  clean.push(() => made.close());
  await made.start();
  const waits = made.histogram('wait_seconds', { help: 'Waits.', labels: ['k'], buckets: [2, 4] });
  waits.labels('a').observe(2);
  waits.labels('a').observe(3);
  expect((await collected()).get('wait_seconds')!.dataPoints).toMatchObject([
    {
      attributes: { k: 'a' },
      value: { count: 2, sum: 5, buckets: { boundaries: [2, 4], counts: [1, 1, 0] } },
    },
  ]);
});

test('nothing is observed after close()', async () => {
  let asked = 0;
  const component = defineComponent('cache', { stats: () => ({ askedTotal: ++asked }) });
  const made = metrics({ openTelemetry: true, components: [component] });
  await made.start();
  await collected();
  const before = asked;
  expect(before).toBeGreaterThan(0);
  made.close();
  await collected();
  expect(asked).toBe(before);
});

test('where its API is not installed, start() names the command that installs it', async () => {
  await jest.isolateModulesAsync(async () => {
    jest.doMock('@opentelemetry/api', () => {
      throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    });
    const { metrics: isolated } = await import('@org/metrics');
    const made = isolated({ openTelemetry: true });
    await expect(made.start()).rejects.toThrow('run "npm install @opentelemetry/api"');
    made.close();
    jest.dontMock('@opentelemetry/api');
  });
});

test('without an SDK the API swallows everything, and nothing fails', async () => {
  api.disable();
  const { url, made } = await serving({ openTelemetry: true }, (app) =>
    app.get('/', (_req, res) => void res.send('x')),
  );
  await made.start();
  expect((await ask(url)).status).toBe(200);
});
