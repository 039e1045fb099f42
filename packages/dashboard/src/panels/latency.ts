/** How long requests take, in percentiles over the window of metrics. */
import type { Panel, Series } from '../panel.ts';
import type { Sources } from '../sources.ts';

export function latency({ stats }: Sources): Panel | undefined {
  const metrics = stats.get('metrics');
  if (metrics?.has('http.latencyMs') !== true) return undefined;
  const line = (name: string): Series => ({
    key: `latency.${name}`,
    label: name,
    value: metrics.number(`http.latencyMs.${name}`),
  });
  return {
    id: 'latency',
    title: 'Latency',
    charts: [{ title: 'Latency', unit: 'ms', series: ['p50', 'p95', 'p99'].map(line) }],
    facts: [{ label: 'Slowest', unit: 'ms', value: metrics.number('http.latencyMs.max') }],
  };
}
