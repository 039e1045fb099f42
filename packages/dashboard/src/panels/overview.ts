/** The first line of the page: how much, how fast, how well. */
import { above, type Fact, type Panel, type Tone } from '../panel.ts';
import type { Sources } from '../sources.ts';
import { ERROR_RATIO, LOOP_UTILIZATION } from '../thresholds.ts';
import { latencyMs } from './latency.ts';
import { requestRate } from './throughput.ts';

export function overview(sources: Sources): Panel {
  const { checks, process, stats, traffic } = sources;
  const metrics = stats.get('metrics');
  const errorRatio = metrics?.number('http.errorRatio');
  const latency = (name: string): Fact => ({
    label: `Latency ${name}`,
    unit: 'ms',
    value: metrics === undefined ? undefined : latencyMs(metrics, name),
  });
  const { utilizationRatio } = process;
  return {
    id: 'overview',
    title: 'Overview',
    wide: true,
    note: stats.size === 0 ? NOBODY : undefined,
    facts: [
      ...(metrics === undefined && traffic.length === 0
        ? []
        : [{ label: 'Requests', unit: 'rate', value: requestRate(sources) } as const]),
      ...(metrics === undefined
        ? []
        : [
            latency('p50'),
            latency('p95'),
            latency('p99'),
            {
              label: 'Errors',
              unit: 'ratio',
              value: errorRatio,
              tone: above(errorRatio, ...ERROR_RATIO),
            } as const,
            { label: 'In flight', unit: 'count', value: metrics.number('http.active') } as const,
          ]),
      {
        label: 'Event loop',
        unit: 'ratio',
        value: utilizationRatio,
        tone: above(utilizationRatio, ...LOOP_UTILIZATION),
      },
      { label: 'Memory', unit: 'bytes', value: process.rssBytes },
      ...(checks.length === 0 ? [] : [healthFact(sources)]),
    ],
  };
}

const NOBODY =
  'No component is known here that tells of itself. Under setup they are found; alone, name them in the option "components".';

function healthFact({ checks }: Sources): Fact {
  const failing = checks.filter(({ status, isCritical }) => status === 'fail' && isCritical).length;
  const degraded = checks.filter(({ status }) => status === 'warn' || status === 'fail').length;
  const unknown = checks.filter(({ status }) => status === 'unknown').length;
  const [value, tone]: [string, Tone] =
    failing > 0
      ? [`${failing} failing`, 'bad']
      : degraded > 0
        ? [`${degraded} degraded`, 'warn']
        : unknown > 0
          ? [`${unknown} unknown`, 'warn']
          : ['all well', 'good'];
  return { label: 'Health', unit: 'text', value, tone };
}
