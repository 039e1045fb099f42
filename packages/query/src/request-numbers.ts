/** How many statements requests have had, and how long they took: all in all, and by route. */
import { type Exchange, Percentiles, type Stats } from '@org/core';

import type { RequestQueries } from './request-queries.ts';
import { rounded } from './rounded.ts';
import { WINDOW_MS } from './statements.ts';

/** Routes that statistics tell of. */
const TOP = 10;

interface RouteNumbers {
  readonly method: string;
  readonly route: string;
  requests: number;
  queries: number;
  totalMs: number;
  max: number;
}

export class RequestNumbers {
  private readonly maxRoutes: number;
  private requests: number = 0;
  private readonly counts: Percentiles = new Percentiles(WINDOW_MS);
  private readonly durations: Percentiles = new Percentiles(WINDOW_MS);
  private readonly routes: Map<string, RouteNumbers> = new Map();

  constructor(maxRoutes: number) {
    this.maxRoutes = maxRoutes;
  }

  /** A request has ended. */
  add(
    { req, route = '(none)' }: Exchange,
    { count, totalMs }: RequestQueries,
    nowMs: number,
  ): void {
    this.requests++;
    this.counts.record(count, nowMs);
    this.durations.record(totalMs, nowMs);
    const numbers = this.of(req.method, route);
    numbers.requests++;
    numbers.queries += count;
    numbers.totalMs += totalMs;
    if (count > numbers.max) numbers.max = count;
  }

  stats(nowMs: number): Stats {
    return {
      requestsTotal: this.requests,
      perRequest: { queries: this.counts.read(nowMs, 0), queryMs: this.durations.read(nowMs) },
      routes: [...this.routes.values()]
        .toSorted((one, other) => other.totalMs - one.totalMs)
        .slice(0, TOP)
        .map(({ method, route, requests, queries, totalMs, max }) => ({
          method,
          route,
          requestsTotal: requests,
          queriesTotal: queries,
          queriesPerRequest: Math.round((queries / requests) * 10) / 10,
          maxQueries: max,
          totalMs: rounded(totalMs),
        })),
    };
  }

  private of(method: string, route: string): RouteNumbers {
    let name = `${method} ${route}`;
    let known = this.routes.get(name);
    if (known === undefined && this.routes.size >= this.maxRoutes) {
      name = '(others)';
      known = this.routes.get(name);
    }
    if (known === undefined) {
      const isOther = name === '(others)';
      known = {
        method: isOther ? '*' : method,
        route: isOther ? name : route,
        requests: 0,
        queries: 0,
        totalMs: 0,
        max: 0,
      };
      this.routes.set(name, known);
    }
    return known;
  }
}
