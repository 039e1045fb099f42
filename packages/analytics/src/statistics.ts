/** What `stats()` tells of the use that this instance has seen since it began, from memory. */
import type { Stats } from '@org/core';

import { addTo, EndpointNumbers, type Endpoints, stateOf } from './endpoints.ts';
import type { Bounds } from './payloads.ts';
import type { Recorder } from './recorder.ts';
import { SpaceSaving } from './space-saving.ts';

const TOP = 10;

export function useStats(
  { past, endpoints, consumers, requestsTotal }: Recorder,
  { maxConsumers, smallestGroup }: Bounds & { readonly smallestGroup: number },
): Stats {
  const cells = [past.endpoints, endpoints];
  const users = new SpaceSaving(maxConsumers);
  for (const part of [past.consumers, consumers]) users.merge(part.state());
  return {
    requestsTotal,
    unroutedTotal: sum(cells, ({ unrouted }) => unrouted.requests),
    overflowedTotal: sum(cells, ({ others }) => others?.requests ?? 0),
    endpoints: top(cells).map(({ method, route, requests, serverErrors, latency }) => ({
      method,
      route,
      count: requests,
      errorRatio: serverErrors / requests,
      p95Ms: latency.quantile(0.95)?.value ?? 0,
    })),
    consumers: users
      .hitters()
      .filter(({ count, over }) => count - over >= smallestGroup)
      .slice(0, TOP)
      .map(({ key, count }) => ({ consumer: key, count })),
  };
}

/** The most used endpoints: their sketches alone are merged, since that takes its time. */
function top(cells: readonly Endpoints[]): readonly EndpointNumbers[] {
  const parts = new Map<string, EndpointNumbers[]>();
  for (const one of cells.flatMap((cell) => [...cell.all()])) {
    const key = `${one.method} ${one.route}`;
    const known = parts.get(key);
    if (known === undefined) parts.set(key, [one]);
    else known.push(one);
  }
  const requestsOf = (of: readonly EndpointNumbers[]): number => sum(of, (one) => one.requests);
  return [...parts.values()]
    .toSorted((one, other) => requestsOf(other) - requestsOf(one))
    .slice(0, TOP)
    .map((of) => {
      const whole = new EndpointNumbers(of[0]!.method, of[0]!.route);
      for (const one of of) addTo(whole, stateOf(one));
      return whole;
    });
}

function sum<T>(all: readonly T[], number: (one: T) => number): number {
  return all.reduce((total, one) => total + number(one), 0);
}
