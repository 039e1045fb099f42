export { type MetricsRelay, relayMetrics } from './cluster-relay.ts';
export type { LabelValues } from './children.ts';
export type { GaugeOptions, HistogramOptions, MetricOptions } from './declaration.ts';
export type { Counter, Gauge, Histogram, Labelled } from './instruments.ts';
export type { CounterSeries, GaugeSeries, HistogramSeries } from './metric-series.ts';
export { metrics, type Metrics, type Page } from './metrics.ts';
export { METRICS_DEFAULTS, type MetricsOptions } from './options.ts';
export type {
  HttpPerformance,
  LatencyMs,
  MiddlewarePerformance,
  Performance,
  RoutePerformance,
} from './performance.ts';
export type { PromRegistry } from './prom-client.ts';
export type { Memory } from './runtime.ts';
export { RELATIVE_ERROR, Sketch, type SketchData } from './sketch.ts';
