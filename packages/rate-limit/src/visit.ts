/**
 * One request, or one `consume`, before all policies that hold for it. All are asked before any is
 * taken from: a refusal by the day does not burn the minute.
 */
import { EVERYBODY } from './caller.ts';
import type { Plan } from './plan.ts';
import type { Standing } from './standing.ts';

export class Visit {
  readonly plan: Plan;
  readonly standings: readonly Standing[];
  /** Units that it has taken, or asks for. */
  units: number;
  readonly takenMs: number;
  /** A policy that is enforced did not have enough. */
  refused: boolean;
  /** The shared counters were away. */
  degraded: boolean = false;

  constructor(plan: Plan, standings: readonly Standing[], units: number, nowMs: number) {
    this.plan = plan;
    this.standings = standings;
    this.units = units;
    this.takenMs = nowMs;
    this.refused = false;
    this.judge();
  }

  /** Decides anew, after what standings say has changed. */
  judge(): void {
    for (const { violated, policy } of this.standings) {
      if (violated && !policy.options.shadow) this.refused = true;
    }
  }

  /** Takes from every policy that has enough. */
  take(): void {
    for (const standing of this.standings) {
      if (!standing.violated) standing.take(this.units, this.takenMs);
    }
  }

  /** Gives back from those that `which` picks. */
  giveBack(nowMs: number, which: (standing: Standing) => boolean): void {
    for (const standing of this.standings) {
      if (!standing.taken || !which(standing)) continue;
      standing.give(this.units, this.takenMs, nowMs);
      standing.taken = false;
    }
  }

  /** Makes what was taken what it has really cost. Answers by how much that was more. */
  settle(units: number, nowMs: number): number {
    const more = units - this.units;
    this.units = units;
    for (const standing of this.standings) {
      if (!standing.taken) continue;
      if (more > 0) standing.charge(more, nowMs);
      else if (more < 0) standing.give(-more, this.takenMs, nowMs);
    }
    return more;
  }

  /** Who asks: the first name that is one client's. */
  get key(): string {
    for (const { key } of this.standings) if (key !== EVERYBODY) return key;
    return EVERYBODY;
  }

  /** How long until all that are violated have enough, in ms. */
  get waitMs(): number {
    let longest = 0;
    for (const { violated, policy, waitMs } of this.standings) {
      if (violated && !policy.options.shadow) longest = Math.max(longest, waitMs);
    }
    return longest;
  }
}
