/**
 * Where the time of one request went: how long each middleware kept it, how long the handler
 * worked, and how long the answer took to leave. It costs a look at the clock for every
 * middleware, and so is kept only for requests that somebody picks (`Host.timeRequests`).
 */
import type { Exchange } from './exchange.ts';

/** A stretch of a request's time. */
export interface Span {
  /** The middleware; `handler` for the routes behind them, `flush` for the answer's way out. */
  readonly name: string;
  /** When it began, in ms since the exchange began. */
  readonly startMs: number;
  /** How long it kept the request, waiting included, in ms; what follows it is not counted. */
  readonly selfMs: number;
}

/** Names of the spans that are no middleware. */
export const HANDLER_SPAN = 'handler';
export const FLUSH_SPAN = 'flush';

/** The times of one request on its way through a pipeline; times are monotonic ms of its clock. */
export class Timeline {
  /** Middlewares in the order in which they stand; those that were not reached, too. */
  readonly names: readonly string[];
  readonly startMs: number;
  /** When the last middleware let the request through to the routes; NaN where one answered. */
  routedMs: number = Number.NaN;
  /** When the last part of the answer was handed over; NaN where it never was. */
  answeredMs: number = Number.NaN;
  private readonly leftMs: Float64Array;

  constructor(names: readonly string[], startMs: number) {
    this.names = names;
    this.startMs = startMs;
    this.leftMs = new Float64Array(names.length).fill(Number.NaN);
  }

  /** The middleware at `index` is done with the request; the first call counts. */
  leave(index: number, nowMs: number): void {
    if (Number.isNaN(this.leftMs[index])) this.leftMs[index] = nowMs;
  }

  /** Calls `visit` with the self time of each middleware that the request passed, in order. */
  each(visit: (index: number, selfMs: number, startMs: number) => void): void {
    let from = this.startMs;
    for (let index = 0; index < this.leftMs.length; index++) {
      const left = this.leftMs[index]!;
      if (Number.isNaN(left)) continue;
      visit(index, left - from, from);
      from = left;
    }
  }

  /** Time in the routes, in ms; NaN where a middleware answered. An answer that was cut off ends with the exchange. */
  handlerMs(exchange: Exchange): number {
    return (Number.isNaN(this.answeredMs) ? exchange.endMs : this.answeredMs) - this.routedMs;
  }

  /** Time from the last part of the answer to its end, in ms; NaN where it never was complete. */
  flushMs(exchange: Exchange): number {
    return exchange.endMs - this.answeredMs;
  }

  /** All of it, for showing; an exchange that has not settled lacks its end. */
  spans(exchange: Exchange): readonly Span[] {
    const spans: Span[] = [];
    const origin = exchange.startMs;
    const add = (name: string, startMs: number, selfMs: number): void => {
      if (!Number.isNaN(selfMs)) spans.push({ name, startMs: startMs - origin, selfMs });
    };
    this.each((index, selfMs, startMs) => add(this.names[index]!, startMs, selfMs));
    add(HANDLER_SPAN, this.routedMs, this.handlerMs(exchange));
    add(FLUSH_SPAN, this.answeredMs, this.flushMs(exchange));
    return spans;
  }
}
