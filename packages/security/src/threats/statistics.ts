/** The inspection's own numbers. */
import type { Stats } from '@org/core';

import { type Finding, type Threat, THREATS } from './finding.ts';

/** Counts of requests since the start; they only grow. */
export class ThreatStatistics {
  /** Requests that were looked at. */
  inspectedTotal: number = 0;
  /** Requests in which something was found. */
  foundTotal: number = 0;
  refusedTotal: number = 0;
  private readonly totals: Record<Threat, number>;

  constructor() {
    this.totals = Object.fromEntries(THREATS.map((threat) => [threat, 0])) as Record<
      Threat,
      number
    >;
  }

  /** A request in which something was found; it counts once for each class. */
  found(findings: readonly Finding[], refused: boolean): void {
    this.foundTotal++;
    if (refused) this.refusedTotal++;
    for (const threat of new Set(findings.map((finding) => finding.threat))) this.totals[threat]++;
  }

  snapshot(): Stats {
    return {
      inspectedTotal: this.inspectedTotal,
      foundTotal: this.foundTotal,
      refusedTotal: this.refusedTotal,
      ...Object.fromEntries(THREATS.map((threat) => [`${threat}Total`, this.totals[threat]])),
    };
  }
}
