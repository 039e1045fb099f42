/**
 * How well calls go, from 0 to 1: the share of good ones among all, of which old ones weigh less
 * and less; with nothing known, 1. While calls are refused nothing becomes known, and it stands
 * still. When the circuit opens, the good ones are forgotten: trust has to be earned again, and
 * the share of calls that go through afterwards grows with it.
 */
export class HealthScore {
  private readonly halfLifeMs: number;
  /** How long the weights may be out of date, in ms: weighing anew costs more than all the rest. */
  private readonly stepMs: number;
  private good: number = 0;
  private bad: number = 0;
  private weighedMs: number = Number.NEGATIVE_INFINITY;
  private held: boolean = false;

  constructor(halfLifeMs: number) {
    this.halfLifeMs = halfLifeMs;
    this.stepMs = halfLifeMs / 20;
  }

  note(bad: boolean, nowMs: number): void {
    if (nowMs - this.weighedMs >= this.stepMs) this.weigh(nowMs);
    if (bad) this.bad++;
    else this.good++;
  }

  /** From 0 to 1. */
  at(nowMs: number): number {
    if (nowMs - this.weighedMs >= this.stepMs) this.weigh(nowMs);
    // The one more is for what is not known: nothing bad.
    return (this.good + 1) / (this.good + this.bad + 1);
  }

  /** Stands still from now on. */
  hold(nowMs: number): void {
    this.weigh(nowMs);
    this.held = true;
  }

  /** Trust has to be earned anew, also where others have seen what was bad. */
  fall(): void {
    this.good = 0;
    this.bad = Math.max(1, this.bad);
  }

  /** Goes on from where it stood. */
  resume(nowMs: number): void {
    this.held = false;
    this.weighedMs = nowMs;
  }

  reset(): void {
    this.good = this.bad = 0;
    this.held = false;
  }

  private weigh(nowMs: number): void {
    if (this.held) return;
    const left = 2 ** ((this.weighedMs - nowMs) / this.halfLifeMs);
    this.good *= left;
    this.bad *= left;
    this.weighedMs = nowMs;
  }
}
