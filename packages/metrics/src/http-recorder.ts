/**
 * Counts requests: those under way, and each once when it has ended. Everything comes from the
 * exchange; nothing is measured here, and nothing is made for a request.
 */
import type { Clock, Exchange } from '@org/core';

import {
  counter,
  type Family,
  gauge,
  type HistogramFamily,
  type Sample,
  single,
} from './family.ts';
import type { Histogram } from './histogram.ts';
import { type Bounds, type HttpSeries, HttpSeriesTable } from './http-series.ts';
import type { Overflow } from './overflow.ts';
import { type Way, Ways } from './ways.ts';
import type { Epochs } from './window.ts';

/** Hears of each request that has ended, for who does not wait until it is asked. */
export type OnRecorded = (
  series: HttpSeries,
  seconds: number,
  responseBytes: number,
  requestBytes: number,
) => void;

export class HttpRecorder {
  readonly table: HttpSeriesTable;
  onRecorded: OnRecorded | undefined = undefined;
  /** Requests that ended within the handshake of another protocol, and go on as that. */
  upgradedTotal: number = 0;
  /** Answers with a status of 400 to 499. */
  clientErrorsTotal: number = 0;
  /** Answers with a status of 500 and up. */
  serverErrorsTotal: number = 0;
  private readonly ways: Ways;
  private readonly epochs: Epochs;
  private readonly bounds: Bounds;
  private readonly exemplars: boolean;
  private readonly clock: Clock;

  /** @param ended hears of each request that has ended, upgrades included, behind what is counted here */
  constructor(
    bounds: Bounds,
    overflow: Overflow,
    epochs: Epochs,
    { exemplars, clock }: { readonly exemplars: boolean; readonly clock: Clock },
    ended: (exchange: Exchange) => void,
  ) {
    this.ways = new Ways((exchange, way) => {
      this.end(exchange, way);
      ended(exchange);
    });
    this.table = new HttpSeriesTable(bounds, overflow);
    this.bounds = bounds;
    this.epochs = epochs;
    this.exemplars = exemplars;
    this.clock = clock;
  }

  /** Counts a request in, and out again when it has ended. */
  begin(exchange: Exchange): void {
    const way = this.ways.of(exchange.req);
    way.active++;
    way.begunTotal++;
    exchange.tap(way.stages);
  }

  private end(exchange: Exchange, way: Way): void {
    const { req, trace, endMs } = exchange;
    way.active--;
    if (exchange.upgraded) {
      this.upgradedTotal++;
      return;
    }
    const series = this.table.of(exchange, way);
    const durationMs = endMs - exchange.startMs;
    const epoch = this.epochs.at(endMs);
    series.window.record(durationMs, epoch);
    const { statusCode } = exchange.res;
    if (exchange.aborted) series.window.abort(epoch);
    else if (statusCode >= 500) {
      this.serverErrorsTotal++;
      series.window.error(epoch);
    } else if (statusCode >= 400) this.clientErrorsTotal++;

    const seconds = durationMs / 1000;
    const bucket = series.durationSeconds.record(seconds);
    if (this.exemplars && trace?.sampled === true) {
      series.durationSeconds.exemplify(bucket, seconds, trace, this.clock);
    }
    series.responseBytes.record(exchange.bytes);
    const requestBytes = way.hasBody ? statedLength(req.headers['content-length']) : -1;
    if (requestBytes >= 0) series.requestBytes.record(requestBytes);
    this.onRecorded?.(series, seconds, exchange.bytes, requestBytes);
  }

  /** Requests under way. */
  get active(): number {
    return this.ways.all.reduce((sum, { active }) => sum + active, 0);
  }

  families(): readonly Family[] {
    return [
      this.histograms(
        'http.server.request.duration',
        's',
        'Duration of HTTP server requests, from the first sight of the request to the last byte of the answer.',
        (series) => series.durationSeconds,
      ),
      gauge(
        'http.server.active_requests',
        '',
        'HTTP server requests under way.',
        this.ways.all.filter(({ begunTotal }) => begunTotal > 0).map(activeSample),
      ),
      this.histograms(
        'http.server.request.body.size',
        'By',
        'Size of HTTP server request bodies, where Content-Length states it.',
        (series) => series.requestBytes,
      ),
      this.histograms(
        'http.server.response.body.size',
        'By',
        'Size of HTTP server response bodies as sent, coded.',
        (series) => series.responseBytes,
      ),
      counter(
        'http.server.upgrades',
        '',
        'Requests that went on as another protocol.',
        single(this.upgradedTotal),
      ),
    ];
  }

  private histograms(
    name: string,
    unit: 's' | 'By',
    help: string,
    of: (series: HttpSeries) => Histogram,
  ): HistogramFamily {
    const bounds = unit === 's' ? this.bounds.seconds : this.bounds.bytes;
    const samples = this.table.series
      .map((series) => ({ labels: series.labels, histogram: of(series) }))
      .filter(({ histogram }) => histogram.count > 0)
      .map(({ labels, histogram }) => ({
        labels,
        counts: [...histogram.counts],
        sum: histogram.sum,
        exemplars: [...histogram.exemplars],
      }));
    return { name, unit, help, kind: 'histogram', bounds, samples };
  }
}

function activeSample({ method, scheme, active }: Way): Sample {
  return { labels: { 'http.request.method': method, 'url.scheme': scheme }, value: active };
}

/** -1 where none is stated. */
function statedLength(value: string | undefined): number {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : -1;
}
