/** What the profiler tells of itself as it happens. */
import type { CaptureInfo, CaptureKind, Stall } from './capture.ts';

/** A capture was made; `kept` is false where it is larger than all captures may be together. */
export interface CapturedEvent {
  readonly type: 'captured';
  readonly capture: CaptureInfo;
  readonly kept: boolean;
}

/** A capture ended before its time: its client went away, the profiler was closed, or V8 refused. */
export interface AbortedEvent {
  readonly type: 'aborted';
  readonly kind: CaptureKind | 'snapshot';
  readonly reason: unknown;
}

/** The event loop stood still. `captured` says whether a profile of it follows. */
export interface StallEvent {
  readonly type: 'stall';
  readonly stall: Stall;
  readonly captured: boolean;
}

export type ProfilerEvent = CapturedEvent | AbortedEvent | StallEvent;

/** Hears events. What it throws is reported, and changes nothing. */
export type OnProfilerEvent = (event: ProfilerEvent) => void;

/** Name of the diagnostics channel; messages are `ProfilerEvent`s. */
export const PROFILER_CHANNEL = '@org/profiler';
