/**
 * Measures requests, middlewares, components and the process, and tells of them to Prometheus,
 * OpenTelemetry and people. It stands among the observers, above everything that refuses, so that
 * refusals are seen; its monitoring routes stand at the edge. One record is made of a request, when
 * it has ended, from what the exchange knows anyway.
 */
import {
  type Component,
  defineMiddleware,
  type Given,
  type Host,
  type Middleware,
  monitoringPage,
  type MonitoringRoute,
  monitoringRoutes,
  report,
} from '@org/core';

import { ClusterPeer } from './cluster-peer.ts';
import { exposition, OPEN_METRICS_TEXT, PROMETHEUS_TEXT } from './exposition.ts';
import { type Family, gauge, single } from './family.ts';
import { HttpRecorder } from './http-recorder.ts';
import type { GaugeOptions, HistogramOptions, MetricOptions } from './declaration.ts';
import { type Counter, type Gauge, type Histogram, Instruments } from './instruments.ts';
import { mergeFamilies } from './merge-families.ts';
import { formatFor } from './negotiation.ts';
import { loadMeter, TelemetryBridge } from './open-telemetry.ts';
import { type MetricsOptions, resolveMetricsOptions } from './options.ts';
import { Overflow } from './overflow.ts';
import { type Performance, performanceOf, type PerformancePart } from './performance.ts';
import { PromBridge } from './prom-client.ts';
import { Runtime, withoutRuntime } from './runtime.ts';
import { SelfTimes } from './self-times.ts';
import { statsFamilies } from './stats-series.ts';
import { Epochs } from './window.ts';

/** The two middlewares, and what applications measure and ask with. */
export type Metrics = Middleware[] & {
  /**
   * Declares a counter, or finds the one that was declared alike. Its name ends in `_total`.
   * @throws OptionError for a name, a label or a text that is wrong, or a name that is taken
   */
  counter(name: string, options: MetricOptions): Counter;
  /** Declares a gauge. @throws OptionError as `counter` */
  gauge(name: string, options: GaugeOptions): Gauge;
  /** Declares a histogram. @throws OptionError as `counter`, and for buckets that do not ascend */
  histogram(name: string, options: HistogramOptions): Histogram;
  /** The performance document of this process. */
  performance(): Performance;
  /** The page that Prometheus gets, of all workers of a cluster; OpenMetrics if `accept` asks for it. */
  page(accept?: string): Promise<Page>;
  /**
   * Begins to measure the process; `setup` calls it, and so does the first request or scrape where nobody has.
   * @throws Error, as a rejection, where OpenTelemetry is wanted and its API not installed
   */
  start(): Promise<void>;
  /** Ends all measuring. Idempotent. */
  close(): void;
};

/** What Prometheus reads. */
export interface Page {
  readonly contentType: string;
  readonly body: string;
}

/** Names of families that are measured here. */
const OWN_NAMES = /^(?:http_server|nodejs|v8js|process)_/;

/**
 * Makes metrics.
 * @throws OptionError for unknown or wrong options
 */
export function metrics(options?: Given<MetricsOptions>): Metrics {
  const given = resolveMetricsOptions(options);
  const { clock, prefix, maxSeries } = given;
  const bounds = {
    seconds: Object.freeze(given.bucketsMs.map((ms) => ms / 1000)),
    bytes: given.bucketsBytes,
  };
  const epochs = new Epochs(given.windowMs, clock.monotonicMs());
  const overflows: Overflow[] = [];
  const newOverflow = (): Overflow => {
    const overflow = new Overflow(maxSeries);
    overflows.push(overflow);
    return overflow;
  };

  const selfTimes = new SelfTimes(epochs, given.timedRatio, given.random);
  const http = new HttpRecorder(bounds, newOverflow(), epochs, given, (exchange) =>
    selfTimes.record(exchange),
  );
  const runtime = given.runtime ? new Runtime(epochs, clock) : undefined;
  const instruments = new Instruments(
    newOverflow,
    bounds.seconds,
    clock,
    (name) => OWN_NAMES.test(name) || name.startsWith(`${prefix}_`),
  );
  const statsOverflow = newOverflow();
  const failed = new WeakSet<Component>();
  const bridge = given.registry === undefined ? undefined : new PromBridge(given.registry, collect);
  const peer = given.cluster
    ? new ClusterPeer(
        { families: everything, performance: async () => part() },
        clock,
        given.clusterTimeoutMs,
      )
    : undefined;
  let telemetry: TelemetryBridge | undefined;
  let starting: Promise<void> | undefined;
  let host: Host | undefined;
  let closed = false;

  /** Under `setup` at its start; alone with the first request, or the first who wants to know. */
  function start(): Promise<void> {
    starting ??= closed ? Promise.resolve() : startNow();
    return starting;
  }

  function begin(): void {
    if (starting === undefined) start().catch((error: unknown) => report(error, 'metrics start'));
  }

  async function startNow(): Promise<void> {
    epochs.start(clock);
    runtime?.start();
    peer?.start();
    if (!given.openTelemetry) return;
    const meter = await loadMeter();
    if (closed) return;
    telemetry = new TelemetryBridge(meter, collect);
    telemetry.listen(http, instruments, bounds);
  }

  function others(): readonly Component[] {
    const all = new Set([...given.components, ...(host?.components() ?? [])]);
    return [...all].filter((one) => !made.includes(one as Middleware));
  }

  function overflowedSeries(): number {
    return overflows.reduce((sum, { size }) => sum + size, 0);
  }

  /** What is measured in this process. */
  function collect(): readonly Family[] {
    return [
      ...http.families(),
      ...selfTimes.families(prefix),
      ...(runtime?.families() ?? []),
      ...instruments.families(),
      ...(given.componentStats ? statsFamilies(others(), prefix, statsOverflow, failed) : []),
      gauge(
        `${prefix}.metrics.overflowed_series`,
        '',
        'Series that were not made because there were too many.',
        single(overflowedSeries()),
      ),
    ];
  }

  /** The same with the metrics of the registry. */
  async function everything(): Promise<readonly Family[]> {
    // Theirs first: of two that have one name the application's own stands.
    return bridge === undefined ? collect() : [...(await bridge.foreign()), ...collect()];
  }

  function part(): PerformancePart {
    const nowMs = clock.monotonicMs();
    const epoch = epochs.at(nowMs);
    return {
      windowMs: epochs.coveredMs(nowMs),
      active: http.active,
      clientErrorsTotal: http.clientErrorsTotal,
      serverErrorsTotal: http.serverErrorsTotal,
      routes: http.table.windows.map(({ method, route, window }) => {
        const { sketch, errors, aborted } = window.within(epoch);
        return { method, route, errors, aborted, latencyMs: sketch.toData() };
      }),
      middleware: selfTimes.within(epoch).map(({ name, calls, errors, selfMs }) => ({
        name,
        calls,
        errors,
        selfMs: selfMs.toData(),
      })),
      ...(runtime?.part(epoch) ?? withoutRuntime()),
      overflowedSeries: overflowedSeries(),
    };
  }

  async function page(accept?: string): Promise<Page> {
    // A worker that had no request yet must ask the others all the same.
    begin();
    const format = formatFor(accept);
    const contentType = format === 'openmetrics' ? OPEN_METRICS_TEXT : PROMETHEUS_TEXT;
    return { contentType, body: exposition(await allFamilies(), format) };
  }

  async function allFamilies(): Promise<readonly Family[]> {
    if (peer === undefined) return everything();
    const { parts, past, silent } = await peer.families();
    return [
      ...mergeFamilies([...parts, past]),
      gauge(`${prefix}.metrics.processes`, '', 'Processes that this page tells of.', [
        { labels: { state: 'answered' }, value: parts.length },
        { labels: { state: 'silent' }, value: silent },
      ]),
    ];
  }

  const answers: Record<string, MonitoringRoute> = {};
  if (given.path !== false) {
    answers[given.path] = {
      GET: async ({ exchange }) =>
        monitoringPage({
          ...(await page(exchange.req.headers.accept)),
          headers: { Vary: 'Accept' },
        }),
    };
  }
  if (given.performancePath !== false) {
    answers[given.performancePath] = {
      GET: async () => {
        begin();
        return performanceOf(peer === undefined ? [part()] : (await peer.performance()).parts);
      },
    };
  }

  const observer = defineMiddleware({
    name: 'metrics',
    phase: 'observe',
    priority: 20,
    reason: 'above everything that refuses, so that refusals are measured',
    step(exchange) {
      // What the house asks itself, such as a cache's refresh, is nobody's request.
      if (closed || exchange.internal) return;
      begin();
      http.begin(exchange);
    },
    attach(whole) {
      host = whole;
      selfTimes.attach(whole);
    },
    start,
    stats: () => performanceOf([part()]),
    close,
  });

  function close(): void {
    if (closed) return;
    closed = true;
    epochs.close();
    selfTimes.close();
    runtime?.close();
    peer?.close();
    telemetry?.close();
    http.onRecorded = undefined;
    instruments.onObserved = undefined;
    bridge?.close();
  }

  const routes = defineMiddleware({
    name: 'metrics:routes',
    phase: 'edge',
    priority: 80,
    reason: 'can be read whatever the load, and a scrape is not traffic',
    step: monitoringRoutes(answers, given.access),
  });

  const made: Middleware[] = [routes, observer];
  bridge?.register(collect());
  return Object.assign(made, {
    counter: (name: string, about: MetricOptions) => instruments.counter(name, about),
    gauge: (name: string, about: GaugeOptions) => instruments.gauge(name, about),
    histogram: (name: string, about: HistogramOptions) => instruments.histogram(name, about),
    performance: () => performanceOf([part()]),
    page,
    start,
    close,
  });
}
