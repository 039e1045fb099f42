/** How many requests there are, and how many of them fail. */
import type { Traffic } from '@org/core';

import type { Panel } from '../panel.ts';
import type { Sources } from '../sources.ts';

export function throughput(sources: Sources): Panel | undefined {
  const value = requestRate(sources);
  const { rates, stats } = sources;
  if (sources.traffic.length === 0 && !stats.has('metrics')) return undefined;
  const failures = FAILURES.flatMap(({ key, label, tone, name }) => {
    const total = answeredTotal(sources, name);
    return total === undefined ? [] : [{ key, label, tone, total }];
  });
  return {
    id: 'throughput',
    title: 'Throughput',
    facts: [
      { label: 'So far', unit: 'count', value: countedTraffic(sources)?.callsTotal },
      ...failures.map(({ label, total }) => ({ label, unit: 'count', value: total }) as const),
    ],
    charts: [
      {
        title: 'Requests',
        unit: 'rate',
        series: [
          { key: 'requests', label: 'Requests', value },
          ...failures.map(({ key, label, tone, total }) => ({
            key,
            label,
            tone,
            value: rates.perSecond(key, total),
          })),
        ],
      },
    ],
  };
}

const FAILURES = [
  { key: 'clientErrors', label: 'Client errors', tone: 'warn', name: 'clientErrorsTotal' },
  { key: 'serverErrors', label: 'Server errors', tone: 'bad', name: 'serverErrorsTotal' },
] as const;

/**
 * Errors that clients were answered. Metrics see every answer; the error handlers see neither what
 * a limit refuses by itself, nor that a cache has answered in the place of what failed.
 */
export function answeredTotal(
  { stats }: Sources,
  name: 'clientErrorsTotal' | 'serverErrorsTotal',
): number | undefined {
  return stats.get('metrics')?.number(`http.${name}`) ?? stats.get('errors')?.number(name);
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
