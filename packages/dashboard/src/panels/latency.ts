/** How long requests take, in percentiles over the window of metrics. */
import type { Panel, Series } from '../panel.ts';
import type { Reading } from '../reading.ts';
import type { Sources } from '../sources.ts';

export function latency({ stats }: Sources): Panel | undefined {
  const metrics = stats.get('metrics');
  if (metrics?.has('http.latencyMs') !== true) return undefined;
  const line = (name: string): Series => ({
    key: `latency.${name}`,
    label: name,
    value: latencyMs(metrics, name),
  });
  const windowMs = metrics.number('windowMs');
  return {
    id: 'latency',
    title: 'Latency',
    note:
      windowMs === undefined
        ? undefined
        : `Percentiles of the last ${Math.ceil(windowMs / 1000)} s.`,
    charts: [{ title: 'Latency', unit: 'ms', series: ['p50', 'p95', 'p99'].map(line) }],
    facts: [{ label: 'Slowest', unit: 'ms', value: latencyMs(metrics, 'max') }],
  };
}

/** A percentile over the window of metrics; where nobody has asked for anything there is none. */
export function latencyMs(metrics: Reading, name: string): number | undefined {
  return metrics.number('http.count') === 0 ? undefined : metrics.number(`http.latencyMs.${name}`);
}
