/** The options of the circuit, their defaults and their checks. */
import {
  type Bus,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  either,
  func,
  type Given,
  integer,
  type KeyValueStore,
  oneOf,
  recordOf,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import {
  BREAKER_CHECKS,
  BREAKER_DEFAULTS,
  type BreakerOptions,
  checkBreaker,
} from './breaker-options.ts';
import type { OnCircuitEvent } from './events.ts';
import { isFailedAnswer, isFailedStatus } from './outcome.ts';
import type { CircuitState } from './state.ts';

/** Answers in the place of a call that failed, or that was not made; a throw goes to the caller. */
export type Fallback = (error: unknown, state: CircuitState) => unknown;

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
  /** Answers in the place of calls that rejected with a failure or were refused; `wrap` takes one of its own. @default none */
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
