/** Makes the strategies that the options name. */
import { report } from '@org/core';

import { Consecutive } from './consecutive.ts';
import { CountWindow } from './count-window.ts';
import type { BreakerOptions, StrategyName } from './breaker-options.ts';
import { Rate } from './rate.ts';
import { AnyOf, type Strategy } from './strategy.ts';
import { TimeWindow } from './time-window.ts';
import type { Window } from './window.ts';

/** The strategy of one breaker. */
export function strategyOf(options: BreakerOptions): Strategy {
  const made = options.strategies
    // Without a time from which a call is slow, none is.
    .filter((one) => one !== 'slow-call-rate' || options.slowCallMs !== undefined)
    .map((one) => (typeof one === 'function' ? guarded(one()) : MAKERS[one](options)));
  return made.length === 1 ? made[0]! : new AnyOf(made);
}

const MAKERS: Readonly<Record<StrategyName, (options: BreakerOptions) => Strategy>> = Object.freeze(
  {
    'error-rate': (options: BreakerOptions) =>
      new Rate('failed', windowOf(options), options.errorRatio, options.minimumCalls),
    'slow-call-rate': (options: BreakerOptions) =>
      new Rate('slow', windowOf(options), options.slowRatio, options.minimumCalls),
    consecutive: (options: BreakerOptions) => new Consecutive(options.consecutiveFailures),
  },
);

/** What a strategy of the user's throws is reported: the call it counted has its result. */
function guarded(strategy: Strategy): Strategy {
  const guard = <T>(work: () => T, otherwise: T): T => {
    try {
      return work();
    } catch (error) {
      report(error, 'circuit strategy');
      return otherwise;
    }
  };
  return {
    count: (failed, slow, nowMs) => guard(() => strategy.count(failed, slow, nowMs), false),
    reset: () => guard(() => strategy.reset(), undefined),
    describe: () => guard(() => strategy.describe(), ''),
  };
}

function windowOf({ window, windowMs, windowCalls }: BreakerOptions): Window {
  return window === 'time' ? new TimeWindow(windowMs) : new CountWindow(windowCalls);
}
