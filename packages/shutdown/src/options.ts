/** What may be said about a shutdown, with defaults and checks. */
import { constants } from 'node:os';
import {
  clockCheck,
  boolean,
  type Check,
  type Checks,
  type Clock,
  type Component,
  durationMs,
  func,
  type Given,
  isComponent,
  listOf,
  OptionError,
  resolveOptions,
  systemClock,
} from '@org/core';

import type { ShutdownPhase, ShutdownReport } from './shutdown-report.ts';

/** Options of `shutdown`. */
export interface ShutdownOptions {
  /** Signals that begin the shutdown once `start()` has run; a second one forces it. @default ["SIGTERM", "SIGINT"] */
  readonly signals: readonly NodeJS.Signals[];
  /** How long the service goes on as before while readiness is down, so that the balancer turns away, in ms. @default 1000 */
  readonly readinessDelayMs: number;
  /** How long an idle connection may still bring a request, after the last one in flight, in ms. @default 500 */
  readonly idleGraceMs: number;
  /** How long requests in flight may take, from the end of the readiness delay, in ms. @default 20_000 */
  readonly drainTimeoutMs: number;
  /** How long each component may take to close without a host, and `onClose` always, in ms. @default 5_000 */
  readonly closeTimeoutMs: number;
  /** How long all of it may take, in ms; less than what the platform grants before it kills. @default 28_000 */
  readonly deadlineMs: number;
  /** Whether open WebSockets are told 1001 (going away), save those that a component has taken on (core's `ownSocket`). Without it all of them stay open until the components have closed. @default true */
  readonly closeWebSockets: boolean;
  /** Components to close, without a host: dependants before what they depend on, otherwise last first. @default [] */
  readonly components: readonly Component[];
  /** The last step before the end, after the components; `signal` aborts when its time is over. @default none */
  readonly onClose: ((signal: AbortSignal) => unknown) | undefined;
  /** Told when a phase begins. @default none */
  readonly onPhase: ((phase: ShutdownPhase, reason: string) => unknown) | undefined;
  /** Told how it went, right before the process ends. @default none */
  readonly onReport: ((report: ShutdownReport) => unknown) | undefined;
  /** Whether the process ends with the report's exit code. @default true */
  readonly exit: boolean;
  /** @default the machine's clock */
  readonly clock: Clock;
}

export const SHUTDOWN_DEFAULTS: ShutdownOptions = Object.freeze({
  signals: Object.freeze(['SIGTERM', 'SIGINT'] as const),
  readinessDelayMs: 1000,
  idleGraceMs: 500,
  drainTimeoutMs: 20_000,
  closeTimeoutMs: 5000,
  deadlineMs: 28_000,
  closeWebSockets: true,
  components: Object.freeze([]),
  onClose: undefined,
  onPhase: undefined,
  onReport: undefined,
  exit: true,
  clock: systemClock,
});

/** No process can listen to these two. */
const DEAF: readonly string[] = ['SIGKILL', 'SIGSTOP'];

const signal: Check<NodeJS.Signals> = {
  expected: 'the name of a signal that can be handled, such as "SIGTERM"',
  accepts: (value): value is NodeJS.Signals =>
    typeof value === 'string' && Object.hasOwn(constants.signals, value) && !DEAF.includes(value),
};

const SHUTDOWN_CHECKS: Checks<ShutdownOptions> = Object.freeze({
  signals: listOf(signal),
  readinessDelayMs: durationMs(),
  idleGraceMs: durationMs(),
  drainTimeoutMs: durationMs(),
  closeTimeoutMs: durationMs({ min: 1 }),
  deadlineMs: durationMs({ min: 1 }),
  closeWebSockets: boolean(),
  components: listOf({ expected: 'a component', accepts: isComponent }),
  onClose: func<(signal: AbortSignal) => unknown>(),
  onPhase: func<(phase: ShutdownPhase, reason: string) => unknown>(),
  onReport: func<(report: ShutdownReport) => unknown>(),
  exit: boolean(),
  clock: clockCheck,
});

/** Options over the defaults. @throws OptionError */
export function shutdownOptions(
  given: Given<ShutdownOptions> | undefined,
): Readonly<ShutdownOptions> {
  const options = resolveOptions('shutdown', SHUTDOWN_DEFAULTS, SHUTDOWN_CHECKS, given);
  const { readinessDelayMs, deadlineMs } = options;
  if (readinessDelayMs >= deadlineMs) {
    throw new OptionError('shutdown', [
      `option "deadlineMs" must be more than "readinessDelayMs", or nothing would close, but they are ${deadlineMs} and ${readinessDelayMs}.`,
    ]);
  }
  return options;
}
