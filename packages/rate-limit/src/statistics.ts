/** The limiter's own numbers. */
import type { Stats } from '@org/core';

import type { Adaptive } from './adaptive.ts';
import type { Outcome } from './limiter.ts';
import type { Plans } from './plans.ts';
import type { StoreGuard } from './store-guard.ts';
import type { Visit } from './visit.ts';

/** Counts since the start; a name that ends in `Total` only grows. */
export class Statistics {
  allowedTotal: number = 0;
  deniedTotal: number = 0;
  /** Decisions that were made without the shared counters. */
  degradedTotal: number = 0;
  /** Requests refused because the shared counters were away. */
  unavailableTotal: number = 0;
  /** Requests that no limit holds for. */
  skippedTotal: number = 0;
  /** Units that answers cost less than was taken, and more. */
  givenBackTotal: number = 0;
  chargedTotal: number = 0;

  /** Counts a decision, for all and for each policy on its route. */
  decided({ plan, standings, degraded }: Visit, outcome: Outcome): void {
    if (outcome === 'allowed') this.allowedTotal++;
    else if (outcome === 'refused') this.deniedTotal++;
    else this.unavailableTotal++;
    if (degraded) this.degradedTotal++;
    for (let at = 0; at < standings.length; at++) {
      const counts = plan.counts[at]!;
      const { violated, policy } = standings[at]!;
      if (violated && policy.options.shadow) counts.wouldDenyTotal++;
      else if (outcome === 'allowed') counts.allowedTotal++;
      else if (violated) counts.deniedTotal++;
      if (degraded) counts.degradedTotal++;
    }
  }

  /** Counts what an answer cost beyond what was taken, or below 0, less. */
  settled(more: number): void {
    if (more > 0) this.chargedTotal += more;
    else this.givenBackTotal -= more;
  }

  snapshot(plans: Plans, guard: StoreGuard | undefined, adaptive: Adaptive | undefined): Stats {
    let keys = 0;
    let evictedTotal = 0;
    for (const policy of plans.policies) {
      keys += policy.keys.size;
      evictedTotal += policy.keys.evictedTotal;
    }
    return {
      allowedTotal: this.allowedTotal,
      deniedTotal: this.deniedTotal,
      degradedTotal: this.degradedTotal,
      unavailableTotal: this.unavailableTotal,
      skippedTotal: this.skippedTotal,
      givenBackTotal: this.givenBackTotal,
      chargedTotal: this.chargedTotal,
      keys,
      evictedTotal,
      store: guard === undefined ? 'none' : guard.away ? 'away' : 'there',
      storeErrorsTotal: guard?.errorsTotal ?? 0,
      limitRatio: adaptive?.ratio ?? 1,
      limitReason: adaptive?.reason ?? 'limits are as they were set',
      loweredTotal: adaptive?.loweredTotal ?? 0,
      raisedTotal: adaptive?.raisedTotal ?? 0,
      routes: Object.fromEntries(
        plans.all.map(({ pattern, policies, counts }) => [
          pattern,
          Object.fromEntries(policies.map(({ name }, at) => [name, { ...counts[at]! }])),
        ]),
      ),
    };
  }
}
