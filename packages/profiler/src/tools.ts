/** What the profiler can do for code, besides seeing requests. */
import type { HealthReport, Stats } from '@org/core';

import type { Capture, CaptureInfo } from './capture.ts';
import type { DiffRow } from './diff.ts';
import type { ProfileFormat, Rendered } from './formats.ts';
import type { AnyFunction, FunctionStats, OpenSpan } from './function-profile.ts';

/** What a caller says of a capture. */
export interface CaptureOptions {
  /** How long, in ms. @default the option `durationMs` */
  readonly durationMs?: number | undefined;
  /** Ends it early; nothing is kept then. */
  readonly signal?: AbortSignal | undefined;
}

/** What the profiler can do besides seeing requests. */
export interface ProfilerTools {
  /**
   * The same function, profiled under its own name or another: `this`, arguments, result, name and
   * length stay. A promise comes back as another of the same outcome; a generator's steps are timed.
   * @throws TypeError for a class, and for what is no function
   */
  profile<F extends AnyFunction>(fn: F, name?: string): F;
  /** Runs `work` under a name, and answers what it answers. */
  span<T>(name: string, work: () => T): T;
  /** Begins a span that ends by hand, for what is no one function. All its time is its own. */
  span(name: string): OpenSpan;
  /** Functions and spans, those first that took the most time of their own. */
  functions(): FunctionStats[];
  /**
   * Profiles the CPU time of this thread, one capture at a time.
   * @throws ProblemError `ERR_PROFILE_RUNNING`, `ERR_PROFILE_REQUEST`, `ERR_PROFILE_FAILED`, `ERR_PROFILER_CLOSED`; or the signal's reason
   */
  captureCpu(options?: CaptureOptions): Promise<Capture>;
  /** Profiles who allocates what stays alive. @throws as `captureCpu` */
  captureHeap(options?: CaptureOptions): Promise<Capture>;
  /** The captures that are kept, the newest first. */
  captures(): CaptureInfo[];
  /** A capture in a format; V8's own where none is named. @throws ProblemError `ERR_NO_CAPTURE`, `ERR_PROFILE_REQUEST` */
  render(capture: Capture | string, format?: ProfileFormat): Promise<Rendered>;
  /** What has changed between two captures of one kind, by shares of each whole, function by function. @throws as `render` */
  diff(from: Capture | string, to: Capture | string): Promise<DiffRow[]>;
  /** The same as a flame graph of `to`, coloured by the change. @throws as `render` */
  diffGraph(from: Capture | string, to: Capture | string): Promise<Rendered>;
  /** Begins to look for stalls; `setup` calls it, and so does the first request where nobody has. */
  start(): void;
  stats(): Stats;
  health(): HealthReport;
  /** Ends a capture under way and frees the rest; profiled functions run on, unprofiled. */
  close(): Promise<void>;
}
