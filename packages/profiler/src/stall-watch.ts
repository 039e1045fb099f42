/**
 * Looks for stalls of the event loop and has them profiled. A timer of this thread beats; when a
 * beat comes too late, the loop has stood still. The worker (`stall-worker.ts`) sees the same
 * while it happens, and profiles it, if that is armed: after each capture there is a pause, and
 * an hour has only so many.
 */
import { isMainThread, Worker } from 'node:worker_threads';
import { type Cancel, type Clock, type Exchange, report, type Stats, systemClock } from '@org/core';

import { ActiveRequests } from './active-requests.ts';
import { type Capture, type Stall } from './capture.ts';
import { captureId } from './recorder.ts';
import {
  CELL_COUNT,
  CELLS,
  STALL_WORKER,
  type StallWorkerData,
  type StallWorkerMessage,
} from './stall-worker.ts';

/** What a watch needs to know, and whom it tells. */
export interface StallWatchSettings {
  readonly stallMs: number;
  readonly stallCooldownMs: number;
  readonly maxStallCapturesPerHour: number;
  readonly samplingIntervalMs: number;
  readonly maxDurationMs: number;
  readonly clock: Clock;
  onStall(stall: Stall, captured: boolean): void;
  onCapture(capture: Capture): void;
}

/** Beats within the time that makes a stall. */
const BEATS = 5;
const HOUR_MS = 3_600_000;
/** How long after the end of a worker another is hired, at least. */
const REHIRE_MS = 60_000;

export class StallWatch {
  longestMs: number = 0;
  /** When the loop last turned again, in monotonic ms. */
  lastStallMs: number = Number.NEGATIVE_INFINITY;
  /** Why stalls are only counted; nothing where they are profiled. */
  blind: string | undefined = undefined;
  private readonly settings: StallWatchSettings;
  private readonly requests = new ActiveRequests();
  private readonly memory = new SharedArrayBuffer(CELL_COUNT * Int32Array.BYTES_PER_ELEMENT);
  private readonly cells = new Int32Array(this.memory);
  private worker: Worker | undefined = undefined;
  private cancelBeat: Cancel | undefined = undefined;
  private cancelArm: Cancel | undefined = undefined;
  private beatMs: number = 0;
  /** The latest stall, while its profile is on its way. */
  private profiled: Stall | undefined = undefined;
  /** When captures of the last hour were made, in monotonic ms, the oldest first. */
  private captures: number[] = [];
  private stallsTotal: number = 0;
  private blockedMsTotal: number = 0;
  private capturesTotal: number = 0;
  /** Somebody else profiles this thread. */
  private paused: boolean = false;
  private wanted: boolean = false;
  private closed: boolean = false;

  constructor(settings: StallWatchSettings) {
    this.settings = settings;
  }

  /** The worker is profiling this thread, or what it found is on its way. */
  get isProfiling(): boolean {
    return Atomics.load(this.cells, CELLS.PROFILING) !== 0;
  }

  /** V8 is taking samples. */
  get isSampling(): boolean {
    return Atomics.load(this.cells, CELLS.PROFILING) === 2;
  }

  get isArmed(): boolean {
    return Atomics.load(this.cells, CELLS.ARMED) === 1;
  }

  stats(): Stats {
    return {
      armed: this.isArmed,
      activeRequests: this.requests.size,
      stallsTotal: this.stallsTotal,
      blockedMsTotal: this.blockedMsTotal,
      longestMs: this.longestMs,
      capturesTotal: this.capturesTotal,
    };
  }

  /** Begins to watch; the second call does nothing. */
  start(): void {
    if (this.closed || this.cancelBeat !== undefined) return;
    const { clock, stallMs, maxStallCapturesPerHour } = this.settings;
    this.beatMs = clock.monotonicMs();
    this.cancelBeat = clock.every(Math.max(1, Math.floor(stallMs / BEATS)), () => this.beat());
    if (maxStallCapturesPerHour > 0) this.arm();
  }

  /** Remembers a request as long as it is under way, if a stall of now would be profiled. */
  follow(exchange: Exchange): void {
    if (this.isArmed) this.requests.follow(exchange);
  }

  /** While somebody else profiles, stalls are only counted. */
  pause(paused: boolean): void {
    this.excuse();
    this.paused = paused;
    this.setArmed();
  }

  /** What has kept the loop from turning until now is known, and no stall. */
  excuse(): void {
    this.beatMs = this.settings.clock.monotonicMs();
    Atomics.add(this.cells, CELLS.BEAT, 1);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancelBeat?.();
    this.cancelArm?.();
    this.setArmed();
    this.requests.clear();
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  /** The loop turns. */
  private beat(): void {
    const { clock, stallMs } = this.settings;
    const nowMs = clock.monotonicMs();
    const blockedMs = nowMs - this.beatMs;
    if (blockedMs >= stallMs) this.stalled(nowMs, blockedMs);
    this.requests.turned();
    this.excuse();
  }

  private stalled(nowMs: number, blockedMs: number): void {
    this.stallsTotal++;
    this.blockedMsTotal += blockedMs;
    this.longestMs = Math.max(this.longestMs, blockedMs);
    this.lastStallMs = nowMs;
    const stall = { at: this.settings.clock.now(), blockedMs, requests: this.requests.named() };
    // A second one while the first is handed over is no part of that profile.
    const captured = this.isProfiling && this.profiled === undefined;
    if (captured) this.profiled = stall;
    this.settings.onStall(stall, captured);
  }

  /** Has a worker watch this thread, from here on. */
  private hire(): void {
    if (!isMainThread) {
      this.blind = 'only the main thread can be profiled from outside';
      return;
    }
    const { clock, stallMs, samplingIntervalMs, maxDurationMs } = this.settings;
    if (clock.every !== systemClock.every) {
      // The worker would take every pause of such a clock for a stall.
      this.blind = 'the option "clock" is not the machine\'s';
      return;
    }
    const workerData: StallWorkerData = {
      memory: this.memory,
      cells: CELLS,
      stallMs,
      lookMs: Math.max(1, Math.floor(stallMs / BEATS)),
      samplingIntervalMs,
      maxDurationMs,
    };
    try {
      // Nothing of the application's is loaded into it: no preloads, no environment.
      const worker = new Worker(STALL_WORKER, {
        eval: true,
        name: 'profiler-stalls',
        workerData,
        execArgv: [],
        env: {},
        resourceLimits: { maxOldGenerationSizeMb: 128 },
      });
      worker.on('message', (message: StallWorkerMessage) => {
        if (this.worker === worker) this.received(message);
      });
      worker.on('error', (error) => {
        if (this.worker === worker) this.lost(error);
      });
      // Last: whoever listens to messages holds the process again.
      worker.unref();
      this.worker = worker;
      this.blind = undefined;
    } catch (error) {
      this.lost(error);
    }
  }

  private received(message: StallWorkerMessage): void {
    if ('error' in message) {
      this.lost(new Error(message.error));
      return;
    }
    const { profile, startedAt, durationMs, stack } = message;
    const { clock } = this.settings;
    // Of a stall that outlasts its profile the loop may not have taken notice yet.
    if (this.profiled === undefined) this.beat();
    const stall = this.profiled;
    this.profiled = undefined;
    Atomics.store(this.cells, CELLS.PROFILING, 0);
    this.capturesTotal++;
    this.captures.push(clock.monotonicMs());
    this.arm(this.settings.stallCooldownMs);
    this.settings.onCapture({
      id: captureId('cpu'),
      kind: 'cpu',
      cause: 'stall',
      startedAt,
      durationMs,
      profile,
      ...(stall === undefined ? {} : { stall }),
      ...(stack === undefined ? {} : { stack }),
    });
  }

  /** Until there is another worker, stalls are counted and not profiled. */
  private lost(error: unknown): void {
    this.blind = error instanceof Error ? error.message : String(error);
    void this.worker?.terminate();
    this.worker = undefined;
    this.profiled = undefined;
    Atomics.store(this.cells, CELLS.PROFILING, 0);
    report(error, 'profiler stall watch');
    // It takes its share of the hour, as a capture does: what can never work is not tried for ever.
    this.captures.push(this.settings.clock.monotonicMs());
    this.arm(Math.max(REHIRE_MS, this.settings.stallCooldownMs));
  }

  /** Arms the next capture, in `afterMs` or when the hour has room for it. */
  private arm(afterMs: number = 0): void {
    const { clock, maxStallCapturesPerHour } = this.settings;
    const nowMs = clock.monotonicMs();
    this.captures = this.captures.filter((madeMs) => nowMs - madeMs < HOUR_MS);
    const full = this.captures.length >= maxStallCapturesPerHour;
    const waitMs = Math.max(
      afterMs,
      full ? this.captures.at(-maxStallCapturesPerHour)! + HOUR_MS - nowMs : 0,
    );
    this.cancelArm?.();
    this.cancelArm = waitMs > 0 ? clock.after(waitMs, () => this.arm()) : undefined;
    this.wanted = waitMs === 0;
    if (this.wanted && this.worker === undefined) this.hire();
    this.setArmed();
  }

  private setArmed(): void {
    const armed = this.wanted && !this.paused && !this.closed && this.blind === undefined;
    Atomics.store(this.cells, CELLS.ARMED, armed ? 1 : 0);
    if (!armed) this.requests.clear();
  }
}
