/** What `stats()` tells of the use that this instance has seen since it began, from memory. */
import type { Stats } from '@org/core';

import { Endpoints } from './endpoints.ts';
import type { Bounds } from './payloads.ts';
import type { Recorder } from './recorder.ts';
import { SpaceSaving } from './space-saving.ts';

const TOP = 10;

export function useStats(
  { past, endpoints, consumers, requestsTotal }: Recorder,
  { maxEndpoints, maxConsumers, smallestGroup }: Bounds & { readonly smallestGroup: number },
): Stats {
  const use = new Endpoints(maxEndpoints);
  const users = new SpaceSaving(maxConsumers);
  for (const part of [past.endpoints, endpoints]) use.merge(part.state());
  for (const part of [past.consumers, consumers]) users.merge(part.state());
  return {
    requestsTotal,
    unroutedTotal: use.unrouted.requests,
    overflowedTotal: use.others?.requests ?? 0,
    endpoints: [...use.all()]
      .toSorted((one, other) => other.requests - one.requests)
      .slice(0, TOP)
      .map(({ method, route, requests, serverErrors, latency }) => ({
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
