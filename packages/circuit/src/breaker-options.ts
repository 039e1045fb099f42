/** The options of one breaker, their defaults and their checks. */
import {
  type Check,
  type Checks,
  durationMs,
  either,
  func,
  integer,
  listOf,
  MAX_DELAY_MS,
  oneOf,
  OptionError,
  ratio,
} from '@org/core';

import type { Strategy } from './strategy.ts';

/** The strategies that come with it. */
export type StrategyName = 'error-rate' | 'slow-call-rate' | 'consecutive';

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
  readonly closeRatio: number;
  /** How long it takes, in ms, until a call weighs half as much for the health score. @default 5000 */
  readonly healthHalfLifeMs: number;
}

export const BREAKER_DEFAULTS: Readonly<BreakerOptions> = Object.freeze<BreakerOptions>({
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
  closeRatio: 0.8,
  healthHalfLifeMs: 5000,
});

/** A share that is none would open at the first call. */
const share = ratio({ above: 0 });

const openTime = durationMs({ min: 1, max: MAX_DELAY_MS / 2 });

const strategies: Check<BreakerOptions['strategies']> = {
  expected: 'a list of error-rate, slow-call-rate, consecutive or functions that make a strategy',
  accepts: (value): value is BreakerOptions['strategies'] =>
    listOf(
      either(oneOf('error-rate', 'slow-call-rate', 'consecutive'), func<() => Strategy>()),
    ).accepts(value) && value.length > 0,
};

export const BREAKER_CHECKS: Checks<BreakerOptions> = {
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
  closeRatio: ratio({ max: 0.99 }),
  healthHalfLifeMs: durationMs({ min: 1 }),
};

/** Checks what no option is wrong by itself, but several are together. @throws OptionError */
export function checkBreaker(owner: string, options: BreakerOptions): void {
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
