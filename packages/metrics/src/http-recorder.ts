/**
 * Counts requests: those under way, and each once when it has ended. Everything comes from the
 * exchange; nothing is measured here, and nothing is made for a request.
 */
import type { TLSSocket } from 'node:tls';
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
import { type Bounds, type HttpSeries, HttpSeriesTable, SCHEMES } from './http-series.ts';
import { type Method, Methods } from './methods.ts';
import type { Overflow } from './overflow.ts';
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
  private readonly methods: Methods = new Methods();
  private readonly epochs: Epochs;
  private readonly bounds: Bounds;
  private readonly exemplars: boolean;
  private readonly clock: Clock;

  constructor(
    bounds: Bounds,
    overflow: Overflow,
    epochs: Epochs,
    { exemplars, clock }: { readonly exemplars: boolean; readonly clock: Clock },
  ) {
    this.table = new HttpSeriesTable(bounds, overflow);
    this.bounds = bounds;
    this.epochs = epochs;
    this.exemplars = exemplars;
    this.clock = clock;
  }

  begin({ req }: Exchange): void {
    const { active, begunTotal } = this.methods.of(req.method);
    const scheme = schemeOf(req);
    active[scheme]++;
    begunTotal[scheme]++;
  }

  end(exchange: Exchange): void {
    const { req, trace, endMs } = exchange;
    const method = this.methods.of(req.method);
    const scheme = schemeOf(req);
    method.active[scheme]--;
    if (exchange.upgraded) {
      this.upgradedTotal++;
      return;
    }
    const series = this.table.of(exchange, method, scheme);
    const durationMs = endMs - exchange.startMs;
    const epoch = this.epochs.at(endMs);
    series.window.record(durationMs, epoch);
    if (exchange.aborted) series.window.abort(epoch);
    else if (exchange.res.statusCode >= 500) series.window.error(epoch);

    const seconds = durationMs / 1000;
    const bucket = series.durationSeconds.record(seconds);
    if (this.exemplars && trace?.sampled === true) {
      series.durationSeconds.exemplify(bucket, seconds, trace, this.clock);
    }
    series.responseBytes.record(exchange.bytes);
    const requestBytes = method.hasBody ? statedLength(req.headers['content-length']) : -1;
    if (requestBytes >= 0) series.requestBytes.record(requestBytes);
    this.onRecorded?.(series, seconds, exchange.bytes, requestBytes);
  }

  /** Requests under way. */
  get active(): number {
    return this.methods.all().reduce((sum, { active: [plain, secure] }) => sum + plain + secure, 0);
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
        this.methods.all().flatMap(activeSamples),
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

/** Of a method that nobody has used nothing is told. */
function activeSamples({ name, active, begunTotal }: Method): Sample[] {
  return SCHEMES.flatMap((scheme, at) =>
    begunTotal[at]! > 0
      ? [{ labels: { 'http.request.method': name, 'url.scheme': scheme }, value: active[at]! }]
      : [],
  );
}

/** 1 for `https`, under the app's `trust proxy`, which is asked only where a proxy has said something. */
function schemeOf(req: Exchange['req']): 0 | 1 {
  if ((req.socket as Partial<TLSSocket>).encrypted === true) return 1;
  return req.headers['x-forwarded-proto'] !== undefined && req.secure ? 1 : 0;
}

/** -1 where none is stated. */
function statedLength(value: string | undefined): number {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : -1;
}
