/**
 * What is counted of requests: one series for each route, method, scheme, status and way to end,
 * found by a look into a map and a few comparisons. When there are as many as may be, the rest is
 * counted in one more, which OpenTelemetry marks with `otel.metric.overflow`.
 */
import type { Exchange } from '@org/core';

import type { Labels } from './family.ts';
import { Histogram } from './histogram.ts';
import type { Overflow } from './overflow.ts';
import type { Way } from './ways.ts';
import { Window } from './window.ts';

/** Requests of one route that came one way, and one outcome. */
export class HttpSeries {
  /** Absent for what is counted together. */
  readonly way: Way | undefined;
  /** 0 where no head was sent. */
  readonly status: number;
  readonly aborted: boolean;
  readonly labels: Labels;
  readonly durationSeconds: Histogram;
  readonly responseBytes: Histogram;
  readonly requestBytes: Histogram;
  /** The last minute of the route and the method, whatever the outcome. */
  readonly window: Window;

  constructor(
    of: Pick<HttpSeries, 'way' | 'status' | 'aborted' | 'labels' | 'window'>,
    bounds: Bounds,
  ) {
    this.way = of.way;
    this.status = of.status;
    this.aborted = of.aborted;
    this.labels = of.labels;
    this.window = of.window;
    this.durationSeconds = new Histogram(bounds.seconds);
    this.responseBytes = new Histogram(bounds.bytes);
    this.requestBytes = new Histogram(bounds.bytes);
  }
}

/** The ends of the buckets. */
export interface Bounds {
  readonly seconds: readonly number[];
  readonly bytes: readonly number[];
}

/** What happened on one route to one method lately. */
export interface RouteWindow {
  readonly method: string;
  /** Absent where no route matched, and where there were too many. */
  readonly route: string | undefined;
  readonly window: Window;
}

/** All that a route has. */
interface RouteRecord {
  readonly series: HttpSeries[];
  /** By method. */
  readonly windows: Map<string, Window>;
}

export class HttpSeriesTable {
  readonly series: HttpSeries[] = [];
  readonly windows: RouteWindow[] = [];
  private readonly routes: Map<string | undefined, RouteRecord> = new Map();
  private readonly bounds: Bounds;
  private readonly overflow: Overflow;
  private rest: HttpSeries | undefined = undefined;

  constructor(bounds: Bounds, overflow: Overflow) {
    this.bounds = bounds;
    this.overflow = overflow;
  }

  /** The series of a request that has ended. */
  of(exchange: Exchange, way: Way): HttpSeries {
    const { aborted, route, res } = exchange;
    // Of one that was cut off before its head nobody has seen a status.
    const status = aborted && !res.headersSent ? 0 : res.statusCode;
    const record = this.routes.get(route);
    if (record !== undefined) {
      for (const one of record.series) {
        if (one.way === way && one.status === status && one.aborted === aborted) return one;
      }
    }
    return this.make(route, way, status, aborted);
  }

  private make(route: string | undefined, way: Way, status: number, aborted: boolean): HttpSeries {
    const { method, scheme } = way;
    const name = `http ${method} ${scheme} ${status} ${aborted} ${route ?? ''}`;
    if (!this.overflow.admits(this.series.length, name)) return (this.rest ??= this.makeRest());
    let record = this.routes.get(route);
    if (record === undefined) {
      record = { series: [], windows: new Map() };
      this.routes.set(route, record);
    }
    let window = record.windows.get(method);
    if (window === undefined) {
      window = new Window();
      record.windows.set(method, window);
      this.windows.push({ method, route, window });
    }
    const labels = labelsOf(route, way, status, aborted);
    const made = new HttpSeries({ way, status, aborted, labels, window }, this.bounds);
    record.series.push(made);
    this.series.push(made);
    return made;
  }

  private makeRest(): HttpSeries {
    const window = new Window();
    this.windows.push({ method: '_OVERFLOW', route: undefined, window });
    const rest = new HttpSeries(
      { way: undefined, status: 0, aborted: false, labels: OVERFLOW_LABELS, window },
      this.bounds,
    );
    this.series.push(rest);
    return rest;
  }
}

/** OpenTelemetry's specification of the metrics SDK, "Cardinality limits". */
export const OVERFLOW_LABELS: Labels = Object.freeze({ 'otel.metric.overflow': 'true' });

/**
 * OpenTelemetry's semantic conventions for HTTP server metrics. What was cut off says so as its
 * `error.type`, an answer of the server's own fault says its status there.
 */
function labelsOf(
  route: string | undefined,
  { method, scheme }: Way,
  status: number,
  aborted: boolean,
): Labels {
  const errorType = aborted ? 'aborted' : status >= 500 ? String(status) : undefined;
  return Object.freeze({
    'http.request.method': method,
    ...(route === undefined ? {} : { 'http.route': route }),
    ...(status === 0 ? {} : { 'http.response.status_code': String(status) }),
    'url.scheme': scheme,
    ...(errorType === undefined ? {} : { 'error.type': errorType }),
  });
}
