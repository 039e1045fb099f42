/** The routes of an application, and what has come of the requests for them. */
import { appRoutes, joinPatterns, mountPattern } from '@org/core';
import type { Application } from 'express';

import type { ExchangeRecord } from './exchange-record.ts';

/** A route as it is shown. */
export interface RouteReport {
  /** `*` takes every method. */
  readonly methods: readonly string[];
  /** The whole pattern, such as `/api/hotels/:id`. */
  readonly route: string;
  /** A router of the app has it, or a schema; others have been seen: of a middleware, or of an app that is mounted in this one. */
  readonly listed: boolean;
  /** It is answered from a schema until there is a handler. */
  readonly mocked: boolean;
  /** Requests seen since the start. */
  readonly hits: number;
  readonly lastStatus: number | undefined;
}

/** Methods of a pattern. */
export type MountedRoute = Pick<RouteReport, 'methods' | 'route'>;

/** How many routes are counted. */
const MAX_COUNTED = 2000;

/** Every route of an application, in the order in which it asks them, from the root of the outermost one. */
export function mountedRoutes(app: Application): readonly MountedRoute[] {
  const mount = mountPattern(app);
  return appRoutes(app).map(({ methods, pattern }) => ({
    methods,
    route: joinPatterns(mount, pattern),
  }));
}

export function takes({ methods }: MountedRoute, method: string): boolean {
  return methods.includes('*') || methods.includes(method);
}

interface RouteCount {
  readonly method: string;
  readonly route: string;
  hits: number;
  lastStatus: number;
  /** Which of all requests came last. */
  turn: number;
}

/** Counts what comes of requests, by method and route. */
export class RouteCounts {
  private readonly counts: Map<string, RouteCount> = new Map();
  private turn: number = 0;

  add({ method, route, status }: Pick<ExchangeRecord, 'method' | 'route' | 'status'>): void {
    if (route === undefined) return;
    const key = `${method} ${route}`;
    const turn = ++this.turn;
    const known = this.counts.get(key);
    if (known !== undefined)
      Object.assign(known, { hits: known.hits + 1, lastStatus: status, turn });
    else if (this.counts.size < MAX_COUNTED)
      this.counts.set(key, { method, route, hits: 1, lastStatus: status, turn });
  }

  /** Of all methods of a route together. */
  of(mounted: MountedRoute): Pick<RouteReport, 'hits' | 'lastStatus'> {
    const found = [...this.counts.values()]
      .filter(({ method, route }) => route === mounted.route && takes(mounted, method))
      .toSorted((one, other) => other.turn - one.turn);
    return {
      hits: found.reduce((sum, { hits }) => sum + hits, 0),
      lastStatus: found[0]?.lastStatus,
    };
  }

  /** What was seen of routes besides those that are known. */
  besides(known: readonly MountedRoute[]): readonly MountedRoute[] {
    const methods = new Map<string, string[]>();
    for (const { method, route } of this.counts.values()) {
      if (known.some((one) => one.route === route && takes(one, method))) continue;
      methods.set(route, [...(methods.get(route) ?? []), method]);
    }
    return [...methods].map(([route, seen]) => ({ methods: seen, route }));
  }
}

/** What is mounted, what is answered from schemas alone, and what was seen besides. */
export function routeReports(
  app: Application,
  mocked: readonly MountedRoute[],
  counts: RouteCounts,
): readonly RouteReport[] {
  const mounted = mountedRoutes(app);
  return [
    ...mounted.map((one) => ({ ...one, listed: true, mocked: false })),
    ...mocked.map((one) => ({ ...one, listed: true, mocked: true })),
    ...counts
      .besides([...mounted, ...mocked])
      .map((one) => ({ ...one, listed: false, mocked: false })),
  ].map((one) => ({ ...one, ...counts.of(one) }));
}
