/** The process: how busy its event loop is, and its memory. */
import { above, type Panel } from '../panel.ts';
import type { Sources } from '../sources.ts';
import { LOOP_DELAY_MS, LOOP_UTILIZATION } from '../thresholds.ts';

/** Share of the time in which the event loop works: as metrics have it, or as measured here. */
export function loopUtilization({ process, stats }: Sources): number {
  return stats.get('metrics')?.number('eventLoop.utilizationRatio') ?? process.utilizationRatio;
}

export function eventLoop(sources: Sources): Panel {
  const utilization = loopUtilization(sources);
  const metrics = sources.stats.get('metrics');
  const delay = metrics?.number('eventLoop.delayMs.p99');
  return {
    id: 'loop',
    title: 'Event loop',
    tone: above(utilization, ...LOOP_UTILIZATION),
    facts:
      metrics === undefined
        ? []
        : [
            { label: 'Delay p50', unit: 'ms', value: metrics.number('eventLoop.delayMs.p50') },
            {
              label: 'Delay p99',
              unit: 'ms',
              value: delay,
              tone: above(delay, ...LOOP_DELAY_MS),
            },
            { label: 'Longest', unit: 'ms', value: metrics.number('eventLoop.delayMs.max') },
          ],
    charts: [
      {
        title: 'Utilisation',
        unit: 'ratio',
        series: [{ key: 'process.utilization', label: 'Busy', value: utilization }],
      },
    ],
  };
}

export function memory({ process }: Sources): Panel {
  const { heapUsedBytes, rssBytes } = process;
  return {
    id: 'memory',
    title: 'Memory',
    charts: [
      {
        title: 'Memory of the process',
        unit: 'bytes',
        series: [
          { key: 'process.rss', label: 'Resident', value: rssBytes },
          { key: 'process.heap', label: 'Heap', value: heapUsedBytes },
        ],
      },
    ],
  };
}
