/** The options of health, their defaults and their checks. */
import {
  clockCheck,
  boolean,
  type Check,
  type Checks,
  type Clock,
  type Component,
  durationMs,
  func,
  integer,
  isComponent,
  listOf,
  type MonitoringAccess,
  monitoringAccess,
  OptionError,
  recordOf,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';

import type { CheckFunction, CheckSettings, OnCheckChange } from './check.ts';

/** A check as it is configured. */
export interface CheckOptions {
  /** Asks the dependency: passes by returning, fails by throwing or by answering `false` or a report. */
  run: CheckFunction;
  /** Without it the service cannot serve; a failing optional check only degrades. @default true */
  critical: boolean;
  /** Names of checks or components that this one cannot work without; they become its causes. @default [] */
  dependsOn: readonly string[];
  /** Where it counts: `ready`, `live`, `startup`, or groups of one's own. @default ["ready"] */
  groups: readonly string[];
  /** Pause between the end of a run and the next, in ms. @default the instance's */
  intervalMs: number | undefined;
  /** Time for one run, in ms. @default the instance's */
  timeoutMs: number | undefined;
  /** Age at which a result is no longer believed, in ms. @default the instance's */
  staleMs: number | undefined;
  /** Worse results in a row before the status follows. @default the instance's */
  failAfter: number | undefined;
  /** Better results in a row before the status follows. @default the instance's */
  passAfter: number | undefined;
}

/** What health can be told. */
export interface HealthOptions {
  /** Checks by name: a function, or a function with settings. @default {} */
  checks: Readonly<Record<string, CheckFunction | CheckSpec>>;
  /** Components to ask; under `setup` those of the whole are asked besides. @default [] */
  components: readonly Component[];
  /** Names of components whose failure only degrades. @default [] */
  optional: readonly string[];
  /** Where the routes begin. @default "/health" */
  path: string;
  /** Other paths, by probe or group: `{ live: '/livez' }`. @default `path/live`, `path/ready`, `path/startup`, `path/middleware`, `path/<group>` */
  paths: Readonly<Record<string, string>>;
  /** Who sees details, in place of callers from loopback: a token, or a decision. @default none */
  access: MonitoringAccess | undefined;
  /** More to be ready than checks can say, such as a warm cache. @default always */
  isReady: (() => boolean) | undefined;
  /** Pause between runs of a check, in ms. @default 10000 */
  intervalMs: number;
  /** Time for one run, in ms. @default 2000 */
  timeoutMs: number;
  /** Age at which a result is no longer believed, in ms. @default three intervals and a time limit */
  staleMs: number | undefined;
  /** Worse results in a row before a status follows. @default 2 */
  failAfter: number;
  /** Better results in a row before a status follows. @default 1 */
  passAfter: number;
  /** Members for the details, such as `version`, `releaseId`, `serviceId`, `description`. @default {} */
  about: Readonly<Record<string, string>>;
  /** Told of every change of a check. @default nobody */
  onChange: OnCheckChange | undefined;
  /** Source of time. @default the machine's */
  clock: Clock;
}

/** A check with settings; all but `run` may be absent. */
export type CheckSpec = Pick<CheckOptions, 'run'> & Partial<Omit<CheckOptions, 'run'>>;

export const HEALTH_DEFAULTS: Readonly<HealthOptions> = Object.freeze<HealthOptions>({
  checks: Object.freeze({}),
  components: Object.freeze([]),
  optional: Object.freeze([]),
  path: '/health',
  paths: Object.freeze({}),
  access: undefined,
  isReady: undefined,
  intervalMs: 10_000,
  timeoutMs: 2000,
  staleMs: undefined,
  failAfter: 2,
  passAfter: 1,
  about: Object.freeze({}),
  onChange: undefined,
  clock: systemClock,
});

/** Paths are compared byte by byte, so nothing that a client may write in two ways is let in. */
const path: Check<string> = text({
  expected: 'a path of plain segments, such as "/health"',
  pattern: /^(?:\/[\w.~-]+)+$/,
});
/** What a check may be called: it stands in documents and in statistics. */
export const CHECK_NAME: Check<string> = text({
  expected: 'a name of letters, digits, dots, dashes and colons',
  pattern: /^[\w.:-]{1,100}$/,
});
const group: Check<string> = text({
  expected: 'a group of letters, digits and dashes, but not "middleware"',
  pattern: /^(?!middleware$)[\w-]{1,50}$/,
});
const pause = durationMs({ min: 10 });
const times = integer({ min: 1, max: 100 });

const spec: Check<CheckFunction | CheckSpec> = {
  expected: 'a function, or an object with a function "run"',
  accepts: (value): value is CheckFunction | CheckSpec =>
    typeof value === 'function' || typeof (value as { run?: unknown } | null)?.run === 'function',
};

export const HEALTH_CHECKS: Checks<HealthOptions> = Object.freeze<Checks<HealthOptions>>({
  checks: recordOf(spec),
  components: listOf<Component>({ expected: 'a component', accepts: isComponent }),
  optional: listOf(CHECK_NAME),
  path,
  paths: recordOf(path),
  access: monitoringAccess,
  isReady: func(),
  intervalMs: pause,
  timeoutMs: pause,
  staleMs: pause,
  failAfter: times,
  passAfter: times,
  about: recordOf(text()),
  onChange: func(),
  clock: clockCheck,
});

const SPEC_DEFAULTS: Readonly<CheckOptions> = Object.freeze<CheckOptions>({
  run: () => undefined,
  critical: true,
  dependsOn: Object.freeze([]),
  groups: Object.freeze(['ready']),
  intervalMs: undefined,
  timeoutMs: undefined,
  staleMs: undefined,
  failAfter: undefined,
  passAfter: undefined,
});

const SPEC_CHECKS: Checks<CheckOptions> = Object.freeze<Checks<CheckOptions>>({
  run: func(),
  critical: boolean(),
  dependsOn: listOf(CHECK_NAME),
  groups: listOf(group),
  intervalMs: pause,
  timeoutMs: pause,
  staleMs: pause,
  failAfter: times,
  passAfter: times,
});

/**
 * The settings of one check, from its own over those of the instance.
 * @throws OptionError naming the check and what is wrong with it
 */
export function checkSettings(
  checkName: string,
  given: CheckFunction | CheckSpec,
  instance: Readonly<HealthOptions>,
): CheckSettings {
  if (!CHECK_NAME.accepts(checkName)) {
    throw new OptionError('health', [
      `a check must have ${CHECK_NAME.expected}, but is called ${JSON.stringify(checkName)}.`,
    ]);
  }
  const own = resolveOptions(
    `health: check "${checkName}"`,
    SPEC_DEFAULTS,
    SPEC_CHECKS,
    typeof given === 'function' ? { run: given } : given,
  );
  const intervalMs = own.intervalMs ?? instance.intervalMs;
  const timeoutMs = own.timeoutMs ?? instance.timeoutMs;
  const staleMs = own.staleMs ?? instance.staleMs ?? 3 * intervalMs + timeoutMs;
  refuseStale(`health: check "${checkName}"`, staleMs, intervalMs);
  return {
    run: own.run,
    critical: own.critical,
    dependsOn: own.dependsOn,
    groups: own.groups,
    intervalMs,
    timeoutMs,
    staleMs,
    failAfter: own.failAfter ?? instance.failAfter,
    passAfter: own.passAfter ?? instance.passAfter,
  };
}

/** @throws OptionError where every result would be too old before the next */
export function refuseStale(owner: string, staleMs: number | undefined, intervalMs: number): void {
  if (staleMs === undefined || staleMs > intervalMs) return;
  throw new OptionError(owner, [
    `option "staleMs" must be more than "intervalMs", which is ${intervalMs}, but is ${staleMs}: every result would be too old before the next.`,
  ]);
}
