/**
 * Finds where time and memory go: functions by name, CPU and heap profiles on demand, profiles of
 * stalls of the event loop as they happen, and `Server-Timing` for those who may look inside. It
 * stands among the observers and samples nothing until somebody looks; its routes
 * stand at the edge, where no deadline ends a capture.
 */
import {
  defineMiddleware,
  type Given,
  type HealthReport,
  Listeners,
  type Middleware,
  type Stats,
} from '@org/core';

import { captureInfo } from './capture.ts';
import { CaptureDesk } from './capture-desk.ts';
import { PROFILER_CHANNEL, type ProfilerEvent } from './events.ts';
import { FunctionProfile, type OpenSpan } from './function-profile.ts';
import { type ProfilerOptions, resolveProfilerOptions } from './options.ts';
import { profilerRoutes } from './routes.ts';
import { ServerTiming } from './server-timing.ts';
import { StallWatch } from './stall-watch.ts';
import type { ProfilerTools } from './tools.ts';

/** `profiler` and `profiler:routes`, for `app.use` and `setup`, and the tools. */
export type Profiler = Middleware[] & ProfilerTools;

/** The most functions that statistics name. */
const MAX_NAMED = 50;
/** How long health tells of a stall, in ms. */
const STALL_TOLD_MS = 60_000;

/** Makes the profiler. @throws OptionError for unknown or wrong options */
export function profiler(options?: Given<ProfilerOptions>): Profiler {
  const settings = resolveProfilerOptions(options);
  const { clock, stallMs, serverTiming, access } = settings;
  const listeners = new Listeners<ProfilerEvent>(
    PROFILER_CHANNEL,
    settings.onEvent,
    'profiler onEvent',
  );
  const functions = new FunctionProfile(settings.maxFunctions, clock);
  const timing =
    serverTiming === false ? undefined : new ServerTiming(serverTiming === 'always', access);
  const watch = stallMs === false ? undefined : watchStalls(stallMs);
  const desk = new CaptureDesk(settings, listeners, {
    isBusy: () => watch?.isProfiling === true,
    pause: (paused) => watch?.pause(paused),
    excuse: () => watch?.excuse(),
  });
  let closed = false;

  function watchStalls(thresholdMs: number): StallWatch {
    return new StallWatch({
      ...settings,
      stallMs: thresholdMs,
      onStall(stall, captured) {
        if (listeners.listening) listeners.tell({ type: 'stall', stall, captured });
      },
      onCapture: (capture) => desk.keep(capture),
    });
  }

  function stats(): Stats {
    const { kept, recorder } = desk;
    return {
      running: recorder.kind ?? (watch?.isProfiling === true ? 'stall' : 'nothing'),
      captures: kept.size,
      keptBytes: kept.keptBytes,
      capturesTotal: desk.madeTotal,
      evictedTotal: kept.evictedTotal,
      refusedTotal: recorder.refusedTotal,
      abortedTotal: recorder.abortedTotal,
      timedTotal: timing?.timedTotal ?? 0,
      ...(watch === undefined ? {} : { stalls: watch.stats() }),
      functions: functions
        .stats()
        .slice(0, MAX_NAMED)
        .map((one) => ({ ...one })),
      overflowedCallsTotal: functions.overflowedTotal,
    };
  }

  function health(): HealthReport {
    if (watch === undefined || closed) return { status: 'pass' };
    if (watch.blind !== undefined) {
      return { status: 'warn', detail: `stalls are not profiled: ${watch.blind}` };
    }
    const agoMs = clock.monotonicMs() - watch.lastStallMs;
    if (agoMs >= STALL_TOLD_MS) return { status: 'pass' };
    const [seconds, longest] = [agoMs / 1000, watch.longestMs].map(Math.round);
    return {
      status: 'warn',
      detail: `the event loop stood still ${seconds} s ago; the longest time was ${longest} ms`,
    };
  }

  async function close(): Promise<void> {
    closed = true;
    timing?.close();
    functions.close();
    await Promise.all([desk.close(), watch?.close()]);
  }

  const tools: ProfilerTools = {
    profile: (fn, name) => functions.wrap(fn, name),
    span: spanOf(functions),
    functions: () => functions.stats(),
    captureCpu: (asked) => desk.take('cpu', asked),
    captureHeap: (asked) => desk.take('heap', asked),
    captures: () => desk.kept.all().map(captureInfo),
    render: (capture, format) => desk.render(capture, format),
    diff: (from, to) => desk.diff(from, to),
    diffGraph: (from, to) => desk.diffGraph(from, to),
    start: () => watch?.start(),
    stats,
    health,
    close,
  };

  const observer = defineMiddleware({
    name: 'profiler',
    phase: 'observe',
    heavy: true,
    reason: 'sees what is refused, too',
    step(exchange) {
      if (closed) return;
      if (watch !== undefined) {
        watch.start();
        watch.follow(exchange);
      }
      timing?.step(exchange);
    },
    attach: (host) => timing?.attach(host),
    start: tools.start,
    stats,
    health,
    close,
  });
  return Object.assign([observer, profilerRoutes(settings, desk, tools)], tools);
}

/** Both ways to make a span. */
function spanOf(functions: FunctionProfile): ProfilerTools['span'] {
  function span<T>(name: string, work: () => T): T;
  function span(name: string): OpenSpan;
  function span(name: string, work?: () => unknown): unknown {
    return work === undefined ? functions.open(name) : functions.span(name, work);
  }
  return span;
}
