/** When a circuit opens. A strategy belongs to one breaker, and hears how each of its calls went. */

/** Decides from calls when to open. */
export interface Strategy {
  /** Counts a call, at a time in monotonic ms. Says whether the circuit has to open. */
  count(failed: boolean, slow: boolean, nowMs: number): boolean;
  /** Forgets what it has counted. */
  reset(): void;
  /** What it has counted, in one line for the operator. */
  describe(): string;
}

/** Several strategies as one: it opens when any of them says so. */
export class AnyOf implements Strategy {
  private readonly strategies: readonly Strategy[];

  constructor(strategies: readonly Strategy[]) {
    this.strategies = strategies;
  }

  count(failed: boolean, slow: boolean, nowMs: number): boolean {
    let opens = false;
    for (const strategy of this.strategies) {
      if (strategy.count(failed, slow, nowMs)) opens = true;
    }
    return opens;
  }

  reset(): void {
    for (const strategy of this.strategies) strategy.reset();
  }

  describe(): string {
    return this.strategies.map((strategy) => strategy.describe()).join(', ');
  }
}
