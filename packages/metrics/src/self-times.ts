/**
 * Where the time of requests goes: how long each middleware, the handler and the answer's way out
 * keep them. A whole keeps timelines of the requests that are picked here; a look at the clock
 * for each middleware is too much for every request, and a share of them tells as much. Calls and
 * errors the whole counts of all requests.
 */
import { type Exchange, FLUSH_SPAN, HANDLER_SPAN, type Host, type Traffic } from '@org/core';

import { counter, type Family, type HistogramFamily } from './family.ts';
import { Histogram } from './histogram.ts';
import type { Sketch } from './sketch.ts';
import { type Epochs, SLICES, Window } from './window.ts';

/** Self times are shorter than requests: from 10 µs to a second, in s. */
const SECONDS: readonly number[] = Object.freeze([
  0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
  0.05, 0.1, 0.25, 0.5, 1,
]);

/** What one stretch of the way takes. */
class Stretch {
  readonly seconds: Histogram = new Histogram(SECONDS);
  readonly window: Window = new Window();
}

/** What had been counted of each middleware when a slice began. */
interface Earlier {
  readonly epoch: number;
  readonly traffic: ReadonlyMap<string, Traffic>;
}

/** One stretch within the window. */
export interface StretchWithin {
  readonly name: string;
  readonly calls: number;
  readonly errors: number;
  /** Self times of those that were timed, in ms. */
  readonly selfMs: Sketch;
}

export class SelfTimes {
  private readonly byName: Map<string, Stretch> = new Map();
  private readonly epochs: Epochs;
  private readonly ratio: number;
  private readonly random: () => number;
  private host: Host | undefined = undefined;
  private stopTiming: (() => void) | undefined = undefined;
  /** What a whole had counted when each of the last slices began, the eldest first. */
  private readonly earlier: Earlier[] = [];
  /** A timeline names the same middlewares in the same order, until the pipeline changes. */
  private names: readonly string[] = [];
  private stretches: readonly Stretch[] = [];
  private readonly handler: Stretch = new Stretch();
  private readonly flush: Stretch = new Stretch();
  private readonly visit: (index: number, selfMs: number) => void;
  private epoch: number = 0;

  /** @param ratio of requests that are timed */
  constructor(epochs: Epochs, ratio: number, random: () => number) {
    this.epochs = epochs;
    this.ratio = ratio;
    this.random = random;
    this.visit = (index, selfMs) => this.note(this.stretches[index]!, selfMs);
    epochs.onBegin((current) => this.remember(current));
  }

  attach(host: Host): void {
    this.host = host;
    const { ratio, random } = this;
    if (ratio > 0) this.stopTiming = host.timeRequests(() => random() < ratio);
    this.remember(this.epochs.current);
  }

  /** Takes in the timeline of a request that has ended; nothing where it has none. */
  record(exchange: Exchange): void {
    const { timeline } = exchange;
    // Whoever has picked it: it was picked before anybody knew how long it would take.
    if (timeline === undefined || this.stopTiming === undefined) return;
    this.epoch = this.epochs.at(exchange.endMs);
    if (timeline.names !== this.names) this.learn(timeline.names);
    timeline.each(this.visit);
    const handlerMs = timeline.handlerMs(exchange);
    if (!Number.isNaN(handlerMs)) this.note(this.handler, handlerMs);
    const flushMs = timeline.flushMs(exchange);
    if (!Number.isNaN(flushMs)) this.note(this.flush, flushMs);
  }

  close(): void {
    this.stopTiming?.();
    this.stopTiming = undefined;
  }

  /** The last minute: the middlewares in their order, then handler and flush, of which only those timed are counted. */
  within(epoch: number): readonly StretchWithin[] {
    if (this.host === undefined) return [];
    const earlier = this.earlier.find((one) => one.epoch > epoch - SLICES)?.traffic;
    const middlewares = this.host.traffic().map(({ name, callsTotal, errorsTotal }) => ({
      name,
      calls: callsTotal - (earlier?.get(name)?.callsTotal ?? 0),
      errors: errorsTotal - (earlier?.get(name)?.errorsTotal ?? 0),
      selfMs: (this.byName.get(name)?.window ?? new Window()).within(epoch).sketch,
    }));
    const others = this.ends().map(([name, { window }]) => {
      const { sketch } = window.within(epoch);
      return { name, calls: sketch.count, errors: 0, selfMs: sketch };
    });
    return [...middlewares, ...others];
  }

  /** @param prefix of the names */
  families(prefix: string): readonly Family[] {
    if (this.host === undefined) return [];
    const traffic = this.host.traffic();
    const total = (key: 'callsTotal' | 'errorsTotal') =>
      traffic.map((one) => ({
        labels: { middleware: one.name, phase: one.phase },
        value: one[key],
      }));
    return [
      this.histograms(`${prefix}.middleware.self.duration`),
      counter(
        `${prefix}.middleware.calls`,
        '',
        'Requests given to each middleware.',
        total('callsTotal'),
      ),
      counter(
        `${prefix}.middleware.errors`,
        '',
        'Failures of each middleware itself, refusals not included.',
        total('errorsTotal'),
      ),
    ];
  }

  private histograms(name: string): HistogramFamily {
    const samples = [...this.byName, ...this.ends()]
      .filter(([, { seconds }]) => seconds.count > 0)
      .map(([middleware, { seconds }]) => ({
        labels: { middleware },
        counts: [...seconds.counts],
        sum: seconds.sum,
        exemplars: [],
      }));
    return {
      name,
      unit: 's',
      help: 'Time that a middleware, the handler, or the way out (flush) keeps a request; of the share that is timed.',
      kind: 'histogram',
      bounds: SECONDS,
      samples,
    };
  }

  private ends(): readonly (readonly [string, Stretch])[] {
    return [
      [HANDLER_SPAN, this.handler],
      [FLUSH_SPAN, this.flush],
    ];
  }

  private note({ seconds, window }: Stretch, selfMs: number): void {
    seconds.record(selfMs / 1000);
    window.record(selfMs, this.epoch);
  }

  private learn(names: readonly string[]): void {
    this.names = names;
    this.stretches = names.map((name) => {
      let stretch = this.byName.get(name);
      if (stretch === undefined) {
        stretch = new Stretch();
        this.byName.set(name, stretch);
      }
      return stretch;
    });
  }

  private remember(epoch: number): void {
    if (this.host === undefined) return;
    const traffic = new Map(this.host.traffic().map((one) => [one.name, { ...one }]));
    this.earlier.push({ epoch, traffic });
    if (this.earlier.length > SLICES) this.earlier.shift();
  }
}
