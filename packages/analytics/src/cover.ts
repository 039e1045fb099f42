/**
 * Which rows tell of a stretch of time: the coarsest that lie in it as a whole and are up to
 * date, and finer ones at its ends and where rolling up has not got to yet. Together they cover
 * every moment once.
 */
import { DAY_MS, HOUR_MS, type Tier, TIER_MS } from './tiers.ts';

export interface Stretch {
  readonly tier: Tier;
  readonly fromAt: number;
  readonly toAt: number;
}

/** Beginnings of hours and days whose coarser row is missing or old. */
export interface Unrolled {
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
}

/** @param coarsest no coarser rows than these, for a series whose steps are no longer */
export function cover(
  fromAt: number,
  toAt: number,
  coarsest: Tier,
  unrolled: Unrolled,
): readonly Stretch[] {
  const stretches: Stretch[] = [];
  const fits = (at: number, lengthMs: number): boolean =>
    lengthMs <= TIER_MS[coarsest] && at % lengthMs === 0 && at + lengthMs <= toAt;
  let at = fromAt;
  while (at < toAt) {
    const tier: Tier =
      fits(at, DAY_MS) && !unrolled.days.has(at)
        ? 'day'
        : fits(at, HOUR_MS) && !unrolled.hours.has(at)
          ? 'hour'
          : 'minute';
    const end = Math.min(toAt, at + TIER_MS[tier]);
    const last = stretches.at(-1);
    if (last?.tier === tier) stretches[stretches.length - 1] = { ...last, toAt: end };
    else stretches.push({ tier, fromAt: at, toAt: end });
    at = end;
  }
  return stretches;
}
