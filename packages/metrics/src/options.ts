/** The options of metrics, their defaults and their checks. */
import {
  boolean,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  type Component,
  durationMs,
  either,
  func,
  type Given,
  integer,
  isComponent,
  listOf,
  type MonitoringAccess,
  monitoringAccess,
  oneOf,
  OptionError,
  ratio,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import type { PromRegistry } from './prom-client.ts';

/** What metrics can be told. */
export interface MetricsOptions {
  /** Where Prometheus asks; `false`: nowhere. @default "/metrics" */
  readonly path: string | false;
  /** Where people ask for the performance document; `false`: nowhere. @default "/health/middleware/performance" */
  readonly performancePath: string | false;
  /** Who may ask, in place of callers from loopback: a token, or a decision. @default none */
  readonly access: MonitoringAccess | undefined;
  /** Upper ends of the buckets of request durations, in ms. @default those of OpenTelemetry's conventions, 5 to 10_000 */
  readonly bucketsMs: readonly number[];
  /** Upper ends of the buckets of body sizes, in bytes. @default 100 to 10_000_000, by tens */
  readonly bucketsBytes: readonly number[];
  /** The time that the performance document tells of, in ms; it moves on by quarters. @default 60_000 */
  readonly windowMs: number;
  /** Share of requests whose way through the middlewares is timed, under a whole. @default 1 / 16 */
  readonly timedRatio: number;
  /** Series of requests, and of each metric, before further ones share one. @default 1000 */
  readonly maxSeries: number;
  /** Whether buckets of durations keep the trace of one of their requests, for OpenMetrics. @default true */
  readonly exemplars: boolean;
  /** Whether the event loop, garbage collection, memory and processor are measured. @default true */
  readonly runtime: boolean;
  /** Whether the numbers of components become series. @default true */
  readonly componentStats: boolean;
  /** Components whose numbers become series; under `setup` those of the whole do besides. @default [] */
  readonly components: readonly Component[];
  /** First part of the names of series of components and middlewares. @default "org" */
  readonly prefix: string;
  /** A registry of prom-client: what is measured here is found there too, and its metrics here. @default none */
  readonly registry: PromRegistry | undefined;
  /** Hand everything to the meter provider of the OpenTelemetry API, which is loaded by `start()`. @default false */
  readonly openTelemetry: boolean;
  /** In a worker of `node:cluster`: answer for all workers. The primary runs `relayMetrics()`. @default false */
  readonly cluster: boolean;
  /** How long the other workers are waited for, in ms. @default 1000 */
  readonly clusterTimeoutMs: number;
  /** Picks the requests that are timed, from 0 to 1. @default Math.random */
  readonly random: () => number;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock;
}

export const METRICS_DEFAULTS: Readonly<MetricsOptions> = Object.freeze<MetricsOptions>({
  path: '/metrics',
  performancePath: '/health/middleware/performance',
  access: undefined,
  // OpenTelemetry's semantic conventions, `http.server.request.duration`.
  bucketsMs: Object.freeze([5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]),
  bucketsBytes: Object.freeze([100, 1000, 10_000, 100_000, 1_000_000, 10_000_000]),
  windowMs: 60_000,
  timedRatio: 1 / 16,
  maxSeries: 1000,
  exemplars: true,
  runtime: true,
  componentStats: true,
  components: Object.freeze([]),
  prefix: 'org',
  registry: undefined,
  openTelemetry: false,
  cluster: false,
  clusterTimeoutMs: 1000,
  random: Math.random,
  clock: systemClock,
});

/** Paths are compared byte by byte, so nothing that a client may write in two ways is let in. */
const path: Check<string | false> = either(
  text({ expected: 'a path of plain segments, such as "/metrics"', pattern: /^(?:\/[\w.~-]+)+$/ }),
  oneOf(false),
);

const buckets: Check<readonly number[]> = {
  expected: 'a list of 1 to 100 numbers above 0 in ascending order',
  accepts: (value): value is readonly number[] =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= 100 &&
    value.every(
      (bound, at) => Number.isFinite(bound) && (bound as number) > ((value[at - 1] as number) ?? 0),
    ),
};

const CHECKS: Checks<MetricsOptions> = {
  path,
  performancePath: path,
  access: monitoringAccess,
  bucketsMs: buckets,
  bucketsBytes: buckets,
  windowMs: durationMs({ min: 1000, max: 3_600_000 }),
  timedRatio: ratio(),
  maxSeries: integer({ min: 1, max: 100_000 }),
  exemplars: boolean(),
  runtime: boolean(),
  componentStats: boolean(),
  components: listOf<Component>({ expected: 'a component', accepts: isComponent }),
  prefix: text({
    expected: 'a word of lower-case letters, digits and underscores',
    pattern: /^[a-z][a-z0-9_]{0,50}$/,
  }),
  registry: shape<PromRegistry>('a Registry of prom-client', [
    'registerMetric',
    'removeSingleMetric',
    'getMetricsAsArray',
  ]),
  openTelemetry: boolean(),
  cluster: boolean(),
  clusterTimeoutMs: durationMs({ min: 10 }),
  random: func<() => number>(),
  clock: clockCheck,
};

/** @throws OptionError for unknown or wrong options */
export function resolveMetricsOptions(
  options: Given<MetricsOptions> | undefined,
): Readonly<MetricsOptions> {
  const resolved = resolveOptions('metrics', METRICS_DEFAULTS, CHECKS, options);
  if (resolved.path !== false && resolved.path === resolved.performancePath) {
    throw new OptionError('metrics', [
      `options "path" and "performancePath" are both ${resolved.path}; give one another.`,
    ]);
  }
  return Object.freeze({
    ...resolved,
    bucketsMs: Object.freeze([...resolved.bucketsMs]),
    bucketsBytes: Object.freeze([...resolved.bucketsBytes]),
  });
}
