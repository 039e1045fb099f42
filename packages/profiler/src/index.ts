export type { Capture, CaptureInfo, CaptureKind, Stall, StalledRequest } from './capture.ts';
export type { DiffRow } from './diff.ts';
export {
  type AbortedEvent,
  type CapturedEvent,
  type OnProfilerEvent,
  PROFILER_CHANNEL,
  type ProfilerEvent,
  type StallEvent,
} from './events.ts';
export type { ProfileFormat, Rendered } from './formats.ts';
export type { AnyFunction, FunctionStats, OpenSpan } from './function-profile.ts';
export { PROFILER_DEFAULTS, type ProfilerOptions } from './options.ts';
export { profiler, type Profiler } from './profiler.ts';
export type { CaptureOptions, ProfilerTools } from './tools.ts';
