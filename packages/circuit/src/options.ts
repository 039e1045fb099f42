/** The options of the circuit, their defaults and their checks. */
import {
  type Bus,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  either,
  func,
  type Given,
  integer,
  type KeyValueStore,
  listOf,
  MAX_DELAY_MS,
  oneOf,
  OptionError,
  ratio,
  recordOf,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import type { OnCircuitEvent } from './events.ts';
import { isFailedAnswer, isFailedStatus } from './outcome.ts';
import type { CircuitState } from './state.ts';
import type { Strategy } from './strategy.ts';

/** The strategies that come with it. */
export type StrategyName = 'error-rate' | 'slow-call-rate' | 'consecutive';

/** Answers in the place of a call that failed, or that was not made; a throw goes to the caller. */
export type Fallback = (error: unknown, state: CircuitState) => unknown;

/** What a breaker can be told; those of `routes` each for itself. */
export interface BreakerOptions {
  /** When it opens: as soon as one of these says so. A function makes a strategy of yours, one for each breaker. @default ["error-rate", "slow-call-rate"] */
  readonly strategies: readonly (StrategyName | (() => Strategy))[];
  /** What a rate is taken of: the calls of the last `windowMs`, or the last `windowCalls`. @default "time" */
  readonly window: 'time' | 'count';
  /** Length of the time window, in ms; exact to a tenth. @default 10_000 */
  readonly windowMs: number;
  /** Length of the count window, in calls. @default 100 */
  readonly windowCalls: number;
  /** With fewer calls in the window no rate opens the circuit. @default 10 */
  readonly minimumCalls: number;
  /** The share of failures that opens, for `error-rate`. @default 0.5 */
  readonly errorRatio: number;
  /** The share of slow calls that opens, for `slow-call-rate`. @default 0.5 */
  readonly slowRatio: number;
  /** How long a call takes, in ms, until it counts as slow. @default none: no call is slow */
  readonly slowCallMs: number | undefined;
  /** Failures in a row that open, for `consecutive`. @default 5 */
  readonly consecutiveFailures: number;
  /** How long it stays open at first, in ms. @default 5000 */
  readonly openMs: number;
  /** How many times longer it stays open each time that it opens again without having closed. @default 2 */
  readonly openGrowth: number;
  /** The longest that it stays open, in ms, before the jitter. @default 60_000 */
  readonly maxOpenMs: number;
  /** Open times differ by up to this share, at random. @default 0.2 */
  readonly openJitterRatio: number;
  /** Calls that find out whether it works again; all of them have to succeed. @default 3 */
  readonly halfOpenCalls: number;
  /** The health score at which it closes; until then a share of the calls goes through, which grows with the score. 0: it closes after `halfOpenCalls`. @default 0.8 */
  readonly closeScore: number;
  /** How long it takes, in ms, until a call weighs half as much for the health score. @default 5000 */
  readonly healthHalfLifeMs: number;
}

/** What the circuit can be told. */
export interface CircuitOptions extends BreakerOptions {
  /** Names the component, in statistics, events and the store. Processes that share a store share the circuits of one name. @default "circuit" */
  readonly name: string;
  /** Whether an error that a call rejected with is a failure of what was called. @default it has no status, or one that `isFailureStatus` says is */
  readonly isFailure: ((error: unknown) => boolean) | undefined;
  /** Whether what a call resolved to is a failure. @default an answer of `fetch` whose status is one */
  readonly isFailureResult: ((result: unknown) => boolean) | undefined;
  /** Whether an HTTP status is a failure of who answered. @default status >= 500 */
  readonly isFailureStatus: (status: number) => boolean;
  /** Answers in the place of calls that failed or were refused; `wrap` takes one of its own. @default none */
  readonly fallback: Fallback | undefined;
  /** The most calls of a breaker at once. @default none: as many as come */
  readonly maxConcurrent: number | undefined;
  /** The most calls of a breaker that wait for a place. @default 0 */
  readonly maxWaiting: number;
  /** The most breakers that are kept by name, host or origin; closed ones that are idle go first. @default 1000 */
  readonly maxBreakers: number;
  /** Routes that `inbound` guards, by Express' path patterns, each with a breaker of its own; `false`: none. The first that matches counts. @default all requests that it sees, with one breaker */
  readonly routes: Readonly<Record<string, Given<BreakerOptions> | false>> | undefined;
  /** The fetch behind `circuit.fetch`. @default the global one */
  readonly fetch: typeof globalThis.fetch | undefined;
  /** Tells other processes what has opened. @default none: each finds out for itself */
  readonly store: (KeyValueStore & Bus) | undefined;
  /** The longest that a call to the store may take, in ms. @default 1000 */
  readonly storeTimeoutMs: number;
  /** Prefix of keys and of the channel in the store. @default "circuit" */
  readonly storePrefix: string;
  /** Told of every change of state. @default nobody */
  readonly onEvent: OnCircuitEvent | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
  /** Source of randomness, from 0 to below 1. @default Math.random */
  readonly random: () => number;
}

const BREAKER_DEFAULTS: BreakerOptions = {
  strategies: Object.freeze(['error-rate', 'slow-call-rate'] as const),
  window: 'time',
  windowMs: 10_000,
  windowCalls: 100,
  minimumCalls: 10,
  errorRatio: 0.5,
  slowRatio: 0.5,
  slowCallMs: undefined,
  consecutiveFailures: 5,
  openMs: 5000,
  openGrowth: 2,
  maxOpenMs: 60_000,
  openJitterRatio: 0.2,
  halfOpenCalls: 3,
  closeScore: 0.8,
  healthHalfLifeMs: 5000,
};

export const CIRCUIT_DEFAULTS: Readonly<CircuitOptions> = Object.freeze<CircuitOptions>({
  ...BREAKER_DEFAULTS,
  name: 'circuit',
  isFailure: undefined,
  isFailureResult: undefined,
  isFailureStatus: isFailedStatus,
  fallback: undefined,
  maxConcurrent: undefined,
  maxWaiting: 0,
  maxBreakers: 1000,
  routes: undefined,
  fetch: undefined,
  store: undefined,
  storeTimeoutMs: 1000,
  storePrefix: 'circuit',
  onEvent: undefined,
  clock: systemClock,
  random: Math.random,
});

/** A share that is none would open at the first call. */
const share = ratio({ min: Number.MIN_VALUE });

const openTime = durationMs({ min: 1, max: MAX_DELAY_MS / 2 });

const strategies: Check<BreakerOptions['strategies']> = {
  expected: 'a list of error-rate, slow-call-rate, consecutive or functions that make a strategy',
  accepts: (value): value is BreakerOptions['strategies'] =>
    listOf(
      either(oneOf('error-rate', 'slow-call-rate', 'consecutive'), func<() => Strategy>()),
    ).accepts(value) && value.length > 0,
};

const BREAKER_CHECKS: Checks<BreakerOptions> = {
  strategies,
  window: oneOf('time', 'count'),
  windowMs: durationMs({ min: 10 }),
  windowCalls: integer({ min: 1, max: 1_000_000 }),
  minimumCalls: integer({ min: 1 }),
  errorRatio: share,
  slowRatio: share,
  slowCallMs: durationMs({ min: 1 }),
  consecutiveFailures: integer({ min: 1 }),
  openMs: openTime,
  openGrowth: {
    expected: 'a number, at least 1',
    accepts: (value): value is number => typeof value === 'number' && value >= 1,
  },
  maxOpenMs: openTime,
  openJitterRatio: ratio({ max: 0.9 }),
  halfOpenCalls: integer({ min: 1 }),
  closeScore: ratio({ max: 0.99 }),
  healthHalfLifeMs: durationMs({ min: 1 }),
};

const word = text({ expected: 'a name', pattern: /^\S+$/ });

const CHECKS: Checks<CircuitOptions> = {
  ...BREAKER_CHECKS,
  name: word,
  isFailure: func(),
  isFailureResult: func(),
  isFailureStatus: func(),
  fallback: func(),
  maxConcurrent: integer({ min: 1 }),
  maxWaiting: integer({ min: 0 }),
  maxBreakers: integer({ min: 1 }),
  routes: recordOf(either(oneOf(false), shape<Given<BreakerOptions>>('options of a breaker', []))),
  fetch: func(),
  store: shape<KeyValueStore & Bus>('a store', ['get', 'set', 'delete', 'publish', 'subscribe']),
  storeTimeoutMs: durationMs({ min: 1 }),
  storePrefix: word,
  onEvent: func(),
  clock: clockCheck,
  random: func(),
};

/** What the parts of a circuit work with. */
export interface Settings extends CircuitOptions {
  readonly isFailureResult: (result: unknown) => boolean;
}

/** The options to work with. @throws OptionError for unknown or wrong options */
export function resolveCircuitOptions(options: Given<CircuitOptions> | undefined): Settings {
  const resolved = resolveOptions('circuit', CIRCUIT_DEFAULTS, CHECKS, options);
  checkBreaker('circuit', resolved);
  const { isFailureStatus } = resolved;
  return Object.freeze<Settings>({
    ...resolved,
    isFailureResult:
      resolved.isFailureResult ?? ((result) => isFailedAnswer(result, isFailureStatus)),
  });
}

/** The options of a route's breaker, over those of the circuit. @throws OptionError */
export function resolveRouteOptions(
  pattern: string,
  settings: Settings,
  own: Given<BreakerOptions>,
): Readonly<BreakerOptions> {
  const owner = `circuit: route "${pattern}"`;
  const names = Object.keys(BREAKER_DEFAULTS) as (keyof BreakerOptions)[];
  const given = Object.fromEntries(names.map((name) => [name, settings[name]]));
  const resolved = resolveOptions(owner, given as unknown as BreakerOptions, BREAKER_CHECKS, own);
  checkBreaker(owner, resolved);
  return resolved;
}

/** What no option is wrong by itself, but several are together. */
function checkBreaker(owner: string, options: BreakerOptions): void {
  const problems: string[] = [];
  const { strategies: chosen, slowCallMs, window, windowCalls, minimumCalls } = options;
  if (slowCallMs === undefined && chosen.every((one) => one === 'slow-call-rate')) {
    problems.push('option "slowCallMs" is missing: without it no call is slow, and none opens.');
  }
  if (window === 'count' && minimumCalls > windowCalls) {
    problems.push(
      `option "minimumCalls" must be at most "windowCalls", ${windowCalls}, but is ${minimumCalls}.`,
    );
  }
  if (options.openMs > options.maxOpenMs) {
    problems.push(
      `option "openMs" must be at most "maxOpenMs", ${options.maxOpenMs}, but is ${options.openMs}.`,
    );
  }
  if (problems.length > 0) throw new OptionError(owner, problems);
}
