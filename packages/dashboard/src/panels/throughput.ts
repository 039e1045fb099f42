/** How many requests there are, and how many of them fail. */
import type { Traffic } from '@org/core';

import type { Panel } from '../panel.ts';
import type { Sources } from '../sources.ts';

export function throughput(sources: Sources): Panel | undefined {
  const value = requestRate(sources);
  const { rates, stats } = sources;
  if (sources.traffic.length === 0 && !stats.has('metrics')) return undefined;
  const errors = stats.get('errors');
  const failed = (name: string): number | undefined =>
    rates.perSecond(`errors.${name}`, errors?.number(name));
  return {
    id: 'throughput',
    title: 'Throughput',
    facts: [
      { label: 'So far', unit: 'count', value: countedTraffic(sources)?.callsTotal },
      ...(errors === undefined
        ? []
        : ([
            {
              label: 'Client errors',
              unit: 'count',
              value: errors.number('clientErrorsTotal'),
            },
            {
              label: 'Server errors',
              unit: 'count',
              value: errors.number('serverErrorsTotal'),
            },
          ] as const)),
    ],
    charts: [
      {
        title: 'Requests',
        unit: 'rate',
        series: [
          { key: 'requests', label: 'Requests', value },
          ...(errors === undefined
            ? []
            : ([
                {
                  key: 'clientErrors',
                  label: 'Client errors',
                  tone: 'warn',
                  value: failed('clientErrorsTotal'),
                },
                {
                  key: 'serverErrors',
                  label: 'Server errors',
                  tone: 'bad',
                  value: failed('serverErrorsTotal'),
                },
              ] as const)),
        ],
      },
    ],
  };
}

/** Requests per second since the last sample; without a whole what metrics say of their window. */
export function requestRate(sources: Sources): number | undefined {
  const counted = countedTraffic(sources);
  return counted === undefined
    ? sources.stats.get('metrics')?.number('http.rps')
    : sources.rates.perSecond(`traffic.${counted.name}`, counted.callsTotal);
}

/** Whoever sees what passed the edge, where probes and this page are answered. */
function countedTraffic({ traffic }: Sources): Traffic | undefined {
  return traffic.find(({ phase }) => phase !== 'edge') ?? traffic.at(-1);
}
