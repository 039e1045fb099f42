/** A retry's own numbers. */
import type { Stats } from '@org/core';

import type { GiveUp } from './events.ts';

/** Counts since the start; a name that ends in `Total` only grows. */
export class Statistics {
  callsTotal: number = 0;
  /** Attempts beyond the first. */
  retriesTotal: number = 0;
  /** Calls that succeeded after a retry. */
  recoveredTotal: number = 0;
  /** Requests from outside that were retries of their caller. */
  inboundRetriesTotal: number = 0;
  readonly gaveUp: Record<GiveUp, number> = {
    attempts: 0,
    budget: 0,
    deadline: 0,
    'retry-after': 0,
    nested: 0,
    closed: 0,
  };

  snapshot(timedOutTotal: number): Stats {
    const { callsTotal, retriesTotal, recoveredTotal, inboundRetriesTotal, gaveUp } = this;
    return {
      callsTotal,
      retriesTotal,
      recoveredTotal,
      timedOutTotal,
      attemptsExhaustedTotal: gaveUp.attempts,
      budgetExhaustedTotal: gaveUp.budget,
      deadlineTooNearTotal: gaveUp.deadline,
      retryAfterTooLongTotal: gaveUp['retry-after'],
      nestedTotal: gaveUp.nested,
      inboundRetriesTotal,
    };
  }
}
