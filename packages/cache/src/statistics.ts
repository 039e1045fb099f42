/** The cache's own numbers. */
import type { Bypass } from './events.ts';
import type { Refusal } from './storing.ts';

/** Counts since the start; a name that ends in `Total` only grows. */
export class Statistics {
  hitsTotal: number = 0;
  staleTotal: number = 0;
  collapsedTotal: number = 0;
  missesTotal: number = 0;
  revalidatedTotal: number = 0;
  storedTotal: number = 0;
  invalidationsTotal: number = 0;
  refreshesTotal: number = 0;
  refreshesFailedTotal: number = 0;
  servedBytesTotal: number = 0;
  readonly bypassedTotal: Partial<Record<Bypass, number>> = {};
  readonly refusedTotal: Partial<Record<Refusal, number>> = {};

  bypassed(reason: Bypass): void {
    this.bypassedTotal[reason] = (this.bypassedTotal[reason] ?? 0) + 1;
  }

  refused(reason: Refusal): void {
    this.refusedTotal[reason] = (this.refusedTotal[reason] ?? 0) + 1;
  }

  /** The share of the requests it looked up that cost the application nothing; 0 before the first. */
  get hitRatio(): number {
    const answered = this.hitsTotal + this.staleTotal + this.collapsedTotal;
    const asked = answered + this.missesTotal;
    return asked === 0 ? 0 : answered / asked;
  }
}
