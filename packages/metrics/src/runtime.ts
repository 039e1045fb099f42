/**
 * The process itself: how late its event loop is and how busy, how long collecting garbage stops
 * it, its memory and its processor time. Names are those of OpenTelemetry's semantic conventions
 * for Node.js, V8 and processes.
 */
import {
  constants,
  type EventLoopUtilization,
  type IntervalHistogram,
  monitorEventLoopDelay,
  performance,
  PerformanceObserver,
} from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Clock } from '@org/core';

import { counter, type Family, gauge, single } from './family.ts';
import { Histogram } from './histogram.ts';
import { Sketch, type SketchData } from './sketch.ts';
import { type Epochs, SLICES, Window } from './window.ts';

/** How often the event loop is looked at, in ms. */
const RESOLUTION_MS = 10;
const NANOS_PER_MS = 1e6;

/** From 0.1 ms to a second, in s: the conventions' own begin at 10 ms, where it hurts already. */
const GC_SECONDS: readonly number[] = Object.freeze([
  0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1,
]);

/** Kinds of collections, by Node's numbers. */
const GC_KINDS: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/** The event loop within the window. */
export interface LoopWithin {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly utilizationRatio: number;
}

/** The memory of the process, in bytes. */
export interface Memory {
  readonly rssBytes: number;
  readonly heapTotalBytes: number;
  readonly heapUsedBytes: number;
  readonly heapLimitBytes: number;
  readonly externalBytes: number;
  readonly arrayBuffersBytes: number;
}

/** What the performance document tells of the process. */
export interface RuntimePart {
  readonly eventLoop: LoopWithin;
  readonly gcMs: SketchData;
  readonly memory: Memory;
}

const NO_LOOP: LoopWithin = Object.freeze({ p50Ms: 0, p99Ms: 0, maxMs: 0, utilizationRatio: 0 });

/** The same where the process is not measured: its memory costs nothing until it is asked for. */
export function withoutRuntime(): RuntimePart {
  return { eventLoop: NO_LOOP, gcMs: new Sketch().toData(), memory: memory() };
}

/** One look at the event loop from a point in time on. */
interface LoopWatch {
  readonly delay: IntervalHistogram;
  before: EventLoopUtilization;
}

/** Measures from `start` on, and tells zeros before. */
export class Runtime {
  private readonly epochs: Epochs;
  private readonly clock: Clock;
  /** Two that begin anew by turns: the elder one has seen at least half of a window. */
  private watches: LoopWatch[] = [];
  private half: number = 0;
  private observer: PerformanceObserver | undefined = undefined;
  private readonly gcByKind: Map<string, Histogram> = new Map();
  private readonly gcWindow: Window = new Window();

  constructor(epochs: Epochs, clock: Clock) {
    this.epochs = epochs;
    this.clock = clock;
    epochs.onBegin((epoch) => this.turn(epoch));
  }

  start(): void {
    if (this.observer !== undefined) return;
    this.watches = [watchLoop(), watchLoop()];
    this.observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { kind } = (entry as unknown as { readonly detail: { readonly kind: number } })
          .detail;
        this.collected(GC_KINDS.get(kind) ?? 'other', entry.duration);
      }
    });
    this.observer.observe({ entryTypes: ['gc'] });
  }

  close(): void {
    this.observer?.disconnect();
    this.observer = undefined;
    for (const { delay } of this.watches) delay.disable();
    this.watches = [];
  }

  /** What the performance document tells of the process. */
  part(epoch: number): RuntimePart {
    return {
      eventLoop: this.loop(),
      gcMs: this.gcWindow.within(epoch).sketch.toData(),
      memory: memory(),
    };
  }

  private loop(): LoopWithin {
    const [elder] = this.watches;
    if (elder === undefined) return NO_LOOP;
    const { delay, before } = elder;
    return {
      p50Ms: lateMs(delay.percentile(50)),
      p99Ms: lateMs(delay.percentile(99)),
      maxMs: lateMs(delay.max),
      utilizationRatio: performance.eventLoopUtilization(before).utilization,
    };
  }

  families(): readonly Family[] {
    const { p50Ms, p99Ms, maxMs, utilizationRatio } = this.loop();
    const {
      rssBytes,
      heapUsedBytes,
      heapTotalBytes,
      heapLimitBytes,
      externalBytes,
      arrayBuffersBytes,
    } = memory();
    const { user, system } = process.cpuUsage();
    const { active, idle } = performance.eventLoopUtilization();
    const delay = (which: string, ms: number) =>
      gauge(
        `nodejs.eventloop.delay.${which}`,
        's',
        `How late the event loop was lately: ${which}.`,
        single(ms / 1000),
        'max',
      );
    const bytes = (name: string, help: string, value: number) =>
      gauge(name, 'By', help, single(value));
    return [
      delay('p50', p50Ms),
      delay('p99', p99Ms),
      delay('max', maxMs),
      gauge(
        'nodejs.eventloop.utilization',
        '1',
        'Share of time that the event loop was busy lately.',
        single(utilizationRatio),
        'mean',
      ),
      counter('nodejs.eventloop.time', 's', 'Time that the event loop was busy and idle.', [
        { labels: { 'nodejs.eventloop.state': 'active' }, value: active / 1000 },
        { labels: { 'nodejs.eventloop.state': 'idle' }, value: idle / 1000 },
      ]),
      {
        name: 'v8js.gc.duration',
        unit: 's',
        help: 'Collections of garbage.',
        kind: 'histogram',
        bounds: GC_SECONDS,
        samples: [...this.gcByKind].map(([kind, { counts, sum }]) => ({
          labels: { 'v8js.gc.type': kind },
          counts: [...counts],
          sum,
          exemplars: [],
        })),
      },
      bytes('process.memory.usage', 'Memory of the process that is in RAM.', rssBytes),
      bytes('v8js.memory.heap.used', 'Heap in use.', heapUsedBytes),
      bytes('v8js.memory.heap.total', 'Heap that is allocated.', heapTotalBytes),
      bytes('v8js.memory.heap.limit', 'The most that the heap may have.', heapLimitBytes),
      bytes('v8js.memory.external', 'Memory of objects outside the heap.', externalBytes),
      bytes('v8js.memory.array_buffers', 'Memory of buffers.', arrayBuffersBytes),
      counter('process.cpu.time', 's', 'Processor time of the process.', [
        { labels: { 'cpu.mode': 'user' }, value: user / 1e6 },
        { labels: { 'cpu.mode': 'system' }, value: system / 1e6 },
      ]),
      gauge(
        'process.uptime',
        's',
        'How long the process has been running.',
        single(process.uptime()),
        'max',
      ),
    ];
  }

  private collected(kind: string, durationMs: number): void {
    let histogram = this.gcByKind.get(kind);
    if (histogram === undefined) {
      histogram = new Histogram(GC_SECONDS);
      this.gcByKind.set(kind, histogram);
    }
    histogram.record(durationMs / 1000);
    this.gcWindow.record(durationMs, this.epochs.at(this.clock.monotonicMs()));
  }

  /** Twice in a window the elder watch begins anew and becomes the younger one. */
  private turn(epoch: number): void {
    const half = Math.floor(epoch / (SLICES / 2));
    if (this.watches.length === 0 || half === this.half) return;
    this.half = half;
    const [elder, younger] = this.watches as [LoopWatch, LoopWatch];
    elder.delay.reset();
    elder.before = performance.eventLoopUtilization();
    this.watches = [younger, elder];
  }
}

function memory(): Memory {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return {
    rssBytes: rss,
    heapTotalBytes: heapTotal,
    heapUsedBytes: heapUsed,
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    externalBytes: external,
    arrayBuffersBytes: arrayBuffers,
  };
}

function watchLoop(): LoopWatch {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  return { delay, before: performance.eventLoopUtilization() };
}

/** Node tells the whole time between two looks: what is above the interval is delay. */
function lateMs(nanos: number): number {
  return Number.isFinite(nanos) ? Math.max(0, nanos / NANOS_PER_MS - RESOLUTION_MS) : 0;
}
