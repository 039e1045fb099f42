/** The options of the profiler, their defaults and their checks. */
import {
  boolean,
  bytes,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  either,
  func,
  type Given,
  integer,
  type MonitoringAccess,
  monitoringAccess,
  oneOf,
  OptionError,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';

import type { OnProfilerEvent } from './events.ts';

/** What the profiler can be told. */
export interface ProfilerOptions {
  /** Where its routes begin; `false`: none. @default "/api/middleware/profiler" */
  readonly path: string | false;
  /** Who may profile, and see times, in place of callers from loopback: a token, or a decision. @default none */
  readonly access: MonitoringAccess | undefined;
  /** How long a capture takes where nobody says, in ms. @default 10_000 */
  readonly durationMs: number;
  /** The longest that anybody may ask for, in ms. @default 60_000 */
  readonly maxDurationMs: number;
  /** Time between two looks at the stack, in ms. @default 1 */
  readonly samplingIntervalMs: number;
  /** Bytes that are allocated, on average, between two looks of a heap profile. @default 65_536 */
  readonly heapIntervalBytes: number;
  /** Whether heap snapshots can be had: they hold every string in memory, secrets among them. @default false */
  readonly heapSnapshots: boolean;
  /** The most captures that are kept; the oldest goes first. @default 20 */
  readonly maxCaptures: number;
  /** The most bytes that they may take together. @default 67_108_864 */
  readonly maxKeptBytes: number;
  /** The most names of functions and spans; the rest is counted as one. @default 500 */
  readonly maxFunctions: number;
  /** A stall is an event loop that has not turned for so long, in ms; `false`: stalls are not looked for. @default 250 */
  readonly stallMs: number | false;
  /** Time between two captures of stalls, in ms. @default 60_000 */
  readonly stallCooldownMs: number;
  /** The most captures of stalls within an hour; 0: stalls are only counted. @default 6 */
  readonly maxStallCapturesPerHour: number;
  /** Whether frames are led back to the sources by source maps. @default true */
  readonly sourceMaps: boolean;
  /** Whether callers who are let in get `Server-Timing`: those who ask by `X-Server-Timing`, all of them, or nobody. @default "asked" */
  readonly serverTiming: 'asked' | 'always' | false;
  /** Told of captures and stalls. @default nobody */
  readonly onEvent: OnProfilerEvent | undefined;
  /** Source of time; with another than the machine's, stalls are only counted. @default the machine's */
  readonly clock: Clock;
}

export const PROFILER_DEFAULTS: Readonly<ProfilerOptions> = Object.freeze<ProfilerOptions>({
  path: '/api/middleware/profiler',
  access: undefined,
  durationMs: 10_000,
  maxDurationMs: 60_000,
  samplingIntervalMs: 1,
  heapIntervalBytes: 65_536,
  heapSnapshots: false,
  maxCaptures: 20,
  maxKeptBytes: 64 * 1024 * 1024,
  maxFunctions: 500,
  stallMs: 250,
  stallCooldownMs: 60_000,
  maxStallCapturesPerHour: 6,
  sourceMaps: true,
  serverTiming: 'asked',
  onEvent: undefined,
  clock: systemClock,
});

/** The longest capture that can be allowed: V8 keeps every sample in memory until the end. */
const MAX_DURATION_MS = 600_000;

const path: Check<string> = text({
  expected: 'a path of plain segments, such as "/profiler"',
  pattern: /^(?:\/[\w.~-]+)+$/,
});
const off = oneOf(false);

const CHECKS: Checks<ProfilerOptions> = Object.freeze<Checks<ProfilerOptions>>({
  path: either(path, off),
  access: monitoringAccess,
  durationMs: durationMs({ min: 1, max: MAX_DURATION_MS }),
  maxDurationMs: durationMs({ min: 1, max: MAX_DURATION_MS }),
  samplingIntervalMs: durationMs({ min: 0.1, max: 1000 }),
  heapIntervalBytes: bytes({ min: 1024 }),
  heapSnapshots: boolean(),
  maxCaptures: integer({ min: 1, max: 1000 }),
  maxKeptBytes: bytes({ min: 1024 }),
  maxFunctions: integer({ min: 1, max: 100_000 }),
  // Below, timers alone are late often enough.
  stallMs: either(durationMs({ min: 20, max: 3_600_000 }), off),
  stallCooldownMs: durationMs(),
  maxStallCapturesPerHour: integer({ min: 0, max: 3600 }),
  sourceMaps: boolean(),
  serverTiming: either(oneOf('asked', 'always'), off),
  onEvent: func(),
  clock: clockCheck,
});

/** @throws OptionError for unknown or wrong options */
export function resolveProfilerOptions(
  options: Given<ProfilerOptions> | undefined,
): Readonly<ProfilerOptions> {
  const resolved = resolveOptions('profiler', PROFILER_DEFAULTS, CHECKS, options);
  if (resolved.durationMs > resolved.maxDurationMs) {
    throw new OptionError('profiler', [
      `option "durationMs" must be at most "maxDurationMs", which is ${resolved.maxDurationMs}, but is ${resolved.durationMs}.`,
    ]);
  }
  return resolved;
}
