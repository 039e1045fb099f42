/** What holds for requests of one route: policies, a cost, and how often they said yes or no. */
import type { Exchange } from '@org/core';

import { policyField } from './fields.ts';
import type { Policy } from './policy.ts';

/** Decisions of one policy on one route. */
export interface Counts {
  allowedTotal: number;
  deniedTotal: number;
  /** Decisions that were made without the shared counters. */
  degradedTotal: number;
  /** Refusals that shadow has kept from happening. */
  wouldDenyTotal: number;
}

export class Plan {
  /** The route's pattern; `*` where none matched. */
  readonly pattern: string;
  readonly policies: readonly Policy[];
  /** Of each policy, in their order. */
  readonly counts: readonly Counts[];
  readonly cost: number | ((exchange: Exchange) => number) | undefined;
  /** `RateLimit-Policy`, as it stands now; empty where clients are told nothing. */
  policyField: string = '';

  constructor(
    pattern: string,
    policies: readonly Policy[],
    cost: number | ((exchange: Exchange) => number) | undefined,
  ) {
    this.pattern = pattern;
    this.policies = policies;
    this.counts = policies.map(() => ({
      allowedTotal: 0,
      deniedTotal: 0,
      degradedTotal: 0,
      wouldDenyTotal: 0,
    }));
    this.cost = cost;
    this.refresh();
  }

  /** After a limit has changed. */
  refresh(): void {
    this.policyField = policyField(this.policies);
  }
}
