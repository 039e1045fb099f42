/** The process: how busy its event loop is, and its memory. */
import { above, type Panel } from '../panel.ts';
import type { Sources } from '../sources.ts';
import { LOOP_DELAY_MS, LOOP_UTILIZATION } from '../thresholds.ts';

export function eventLoop({ process, stats }: Sources): Panel {
  // Metrics have the mean of their window, in which a loop that stands now is a loop with little to do.
  const utilization = process.utilizationRatio;
  const metrics = stats.get('metrics');
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
