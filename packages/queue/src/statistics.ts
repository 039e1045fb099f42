/** The queue's own numbers. */
import type { Stats } from '@org/core';

import type { Admission } from './admission.ts';
import type { Refusal } from './waiter.ts';
import { Waits } from './waits.ts';

/** Counts since the start; a name that ends in `Total` only grows. */
export class Statistics {
  /** Requests that got a permit, at once or later. */
  admittedTotal: number = 0;
  /** Requests that had to wait. */
  queuedTotal: number = 0;
  /** Requests whose client went while they waited. */
  abandonedTotal: number = 0;
  exemptTotal: number = 0;
  /** Permits that were handed back before the answer ended. */
  releasedTotal: number = 0;
  readonly waits: Waits = new Waits();
  private readonly refusedTotal: Partial<Record<Refusal, number>> = {};
  private readonly wouldRefuseTotal: Partial<Record<Refusal, number>> = {};
  private readonly refusedByRank: number[];

  constructor(classes: number) {
    this.refusedByRank = Array.from({ length: classes }, () => 0);
  }

  refused(reason: Refusal, rank: number, shadow: boolean): void {
    const totals = shadow ? this.wouldRefuseTotal : this.refusedTotal;
    totals[reason] = (totals[reason] ?? 0) + 1;
    this.refusedByRank[rank]!++;
  }

  snapshot({ limiter, line, overloaded }: Admission, nowMs: number): Stats {
    return {
      limit: limiter.limit,
      inflight: limiter.inflight,
      queued: line.size,
      overloaded,
      admittedTotal: this.admittedTotal,
      queuedTotal: this.queuedTotal,
      refusedTotal: { ...this.refusedTotal },
      abandonedTotal: this.abandonedTotal,
      exemptTotal: this.exemptTotal,
      releasedTotal: this.releasedTotal,
      wouldRefuseTotal: { ...this.wouldRefuseTotal },
      serviceMs: limiter.serviceMs,
      waitP50Ms: this.waits.quantileMs(0.5, nowMs),
      waitP99Ms: this.waits.quantileMs(0.99, nowMs),
      classes: Object.fromEntries(
        line.classes.map((one, rank) => [
          one.name,
          { queued: one.size, accounts: one.accounts, refusedTotal: this.refusedByRank[rank]! },
        ]),
      ),
    };
  }
}
