/**
 * The lengths of time by which use is kept: minutes roll up into hours, hours into days. All of
 * them begin where UTC's do, whatever the zone of the machine: time since the epoch has no leap
 * seconds, so that a division finds them.
 */

export type Tier = 'minute' | 'hour' | 'day';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

export const TIER_MS: Readonly<Record<Tier, number>> = Object.freeze({
  minute: MINUTE_MS,
  hour: HOUR_MS,
  day: DAY_MS,
});

/** For how long each of them is kept, in ms. */
export interface Retention {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
}

/** The beginning of the period that `at` lies in; both in ms. */
export function floorTo(at: number, periodMs: number): number {
  return Math.floor(at / periodMs) * periodMs;
}

/** The first beginning of a period that is not before `at`. */
export function ceilTo(at: number, periodMs: number): number {
  return Math.ceil(at / periodMs) * periodMs;
}

/** The finest tier that is surely there for a time so old. */
export function finestAt(at: number, nowMs: number, { minute, hour }: Retention): Tier {
  if (at >= nowMs - minute) return 'minute';
  return at >= nowMs - hour ? 'hour' : 'day';
}
