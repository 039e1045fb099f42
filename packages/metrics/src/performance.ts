/**
 * The performance document: requests, routes, middlewares and the process over the last minute or
 * so. It is put together of parts, one for each process, whose sketches merge.
 */
import type { Stats } from '@org/core';

import type { LoopWithin, Memory, RuntimePart } from './runtime.ts';
import { Sketch, type SketchData } from './sketch.ts';

/** Routes that are shown, those with the most requests first. */
const MAX_ROUTES = 100;

/** What happened on one route to one method. */
export interface RoutePart {
  readonly method: string;
  readonly route: string | undefined;
  readonly errors: number;
  readonly aborted: number;
  readonly latencyMs: SketchData;
}

/** What happened in one middleware. */
export interface MiddlewarePart {
  readonly name: string;
  readonly calls: number;
  readonly errors: number;
  readonly selfMs: SketchData;
}

/** What one process has seen, as plain data. */
export interface PerformancePart extends RuntimePart {
  readonly windowMs: number;
  readonly active: number;
  readonly clientErrorsTotal: number;
  readonly serverErrorsTotal: number;
  readonly routes: readonly RoutePart[];
  readonly middleware: readonly MiddlewarePart[];
  readonly overflowedSeries: number;
}

/** Percentiles in ms. */
export interface LatencyMs extends Stats {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface HttpPerformance extends Stats {
  readonly count: number;
  readonly rps: number;
  /** Share of answers with a status of 500 and up. */
  readonly errorRatio: number;
  /** Requests whose answer was cut off. */
  readonly aborted: number;
  /** Requests under way. */
  readonly active: number;
  /** Answers with a status of 400 to 499 since the start. */
  readonly clientErrorsTotal: number;
  /** Answers with a status of 500 and up since the start. */
  readonly serverErrorsTotal: number;
  readonly latencyMs: LatencyMs;
}

export interface RoutePerformance extends Stats {
  readonly method: string;
  /** Absent where no route matched. */
  readonly route: string | undefined;
  readonly count: number;
  readonly rps: number;
  readonly errorRatio: number;
  readonly aborted: number;
  readonly latencyMs: LatencyMs;
}

export interface MiddlewarePerformance extends Stats {
  /** The middleware; `handler` for the routes behind them, `flush` for the answer's way out. */
  readonly name: string;
  /** Requests it was given; of `handler` and `flush`, those that were timed. */
  readonly calls: number;
  /** Requests that were timed. */
  readonly timed: number;
  readonly selfMs: LatencyMs;
  readonly errors: number;
}

/** The whole document. */
export interface Performance extends Stats {
  /** The time that it tells of, in ms. */
  readonly windowMs: number;
  /** Processes that it tells of. */
  readonly processes: number;
  readonly http: HttpPerformance;
  readonly routes: readonly RoutePerformance[];
  readonly middleware: readonly MiddlewarePerformance[];
  readonly eventLoop: {
    readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number };
    readonly utilizationRatio: number;
  };
  readonly gc: { readonly count: number; readonly totalMs: number; readonly pauseMs: LatencyMs };
  readonly memory: Memory & Stats;
  /** Series that were not made because there were too many. */
  readonly overflowedSeries: number;
}

/** The document of one process or several. Of event loops it tells the worst, and the mean of how busy they are. */
export function performanceOf(parts: readonly PerformancePart[]): Performance {
  const windowMs = Math.max(...parts.map((part) => part.windowMs));
  const routes = mergeRoutes(parts.flatMap((part) => part.routes));
  const all = new Sketch();
  for (const { latency } of routes) all.merge(latency);
  const errors = total(routes, (route) => route.errors);
  const gc = new Sketch();
  for (const { gcMs } of parts) gc.merge(Sketch.of(gcMs));
  const worst = (of: (loop: LoopWithin) => number) =>
    Math.max(...parts.map(({ eventLoop }) => of(eventLoop)));
  return {
    windowMs: rounded(windowMs),
    processes: parts.length,
    http: {
      count: all.count,
      rps: perSecond(all.count, windowMs),
      errorRatio: share(errors, all.count),
      aborted: total(routes, (route) => route.aborted),
      active: total(parts, (part) => part.active),
      clientErrorsTotal: total(parts, (part) => part.clientErrorsTotal),
      serverErrorsTotal: total(parts, (part) => part.serverErrorsTotal),
      latencyMs: latencyOf(all),
    },
    routes: routes
      .toSorted((one, other) => other.latency.count - one.latency.count)
      .slice(0, MAX_ROUTES)
      .map(({ method, route, errors: failed, aborted, latency }) => ({
        method,
        route,
        count: latency.count,
        rps: perSecond(latency.count, windowMs),
        errorRatio: share(failed, latency.count),
        aborted,
        latencyMs: latencyOf(latency),
      })),
    middleware: mergeMiddleware(parts.flatMap((part) => part.middleware)),
    eventLoop: {
      delayMs: {
        p50: rounded(worst((loop) => loop.p50Ms)),
        p99: rounded(worst((loop) => loop.p99Ms)),
        max: rounded(worst((loop) => loop.maxMs)),
      },
      utilizationRatio: rounded(
        total(parts, ({ eventLoop }) => eventLoop.utilizationRatio) / parts.length,
      ),
    },
    gc: { count: gc.count, totalMs: rounded(gc.sum), pauseMs: latencyOf(gc) },
    memory: memoryOf(parts),
    overflowedSeries: total(parts, (part) => part.overflowedSeries),
  };
}

interface MergedRoute {
  readonly method: string;
  readonly route: string | undefined;
  errors: number;
  aborted: number;
  readonly latency: Sketch;
}

/** Those that nobody has asked for lately are left out. */
function mergeRoutes(parts: readonly RoutePart[]): readonly MergedRoute[] {
  const merged = new Map<string, MergedRoute>();
  for (const { method, route, errors, aborted, latencyMs } of parts) {
    const key = `${method} ${route ?? ''}`;
    const known = merged.get(key);
    if (known === undefined) {
      merged.set(key, { method, route, errors, aborted, latency: Sketch.of(latencyMs) });
    } else {
      known.errors += errors;
      known.aborted += aborted;
      known.latency.merge(Sketch.of(latencyMs));
    }
  }
  return [...merged.values()].filter(({ latency }) => latency.count > 0);
}

function mergeMiddleware(parts: readonly MiddlewarePart[]): readonly MiddlewarePerformance[] {
  const merged = new Map<string, { name: string; calls: number; errors: number; self: Sketch }>();
  for (const { name, calls, errors, selfMs } of parts) {
    const known = merged.get(name);
    if (known === undefined) merged.set(name, { name, calls, errors, self: Sketch.of(selfMs) });
    else {
      known.calls += calls;
      known.errors += errors;
      known.self.merge(Sketch.of(selfMs));
    }
  }
  return [...merged.values()].map(({ name, calls, errors, self }) => ({
    name,
    calls,
    timed: self.count,
    selfMs: latencyOf(self),
    errors,
  }));
}

function memoryOf(parts: readonly PerformancePart[]): Memory & Stats {
  const sum = (of: (memory: Memory) => number) => total(parts, ({ memory }) => of(memory));
  return {
    rssBytes: sum((memory) => memory.rssBytes),
    heapTotalBytes: sum((memory) => memory.heapTotalBytes),
    heapUsedBytes: sum((memory) => memory.heapUsedBytes),
    heapLimitBytes: sum((memory) => memory.heapLimitBytes),
    externalBytes: sum((memory) => memory.externalBytes),
    arrayBuffersBytes: sum((memory) => memory.arrayBuffersBytes),
  };
}

function latencyOf(sketch: Sketch): LatencyMs {
  return {
    p50: rounded(sketch.quantile(0.5)),
    p95: rounded(sketch.quantile(0.95)),
    p99: rounded(sketch.quantile(0.99)),
    max: rounded(sketch.max),
  };
}

function total<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((sum, one) => sum + of(one), 0);
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : rounded(part / whole);
}

function perSecond(count: number, windowMs: number): number {
  return rounded((count * 1000) / windowMs);
}

/** More digits than these tell nothing: the percentiles are 1 % off at most. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
