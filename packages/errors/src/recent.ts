/** The last server errors, by the ids that stand in the answers and in the log. */
import type { Exchange, ProblemError, Stats } from '@org/core';

/** How many are remembered. */
const MAX_RECENT = 20;

/** Newest first; bounded. */
export class RecentErrors {
  private readonly errors: Stats[] = [];

  /** Remembers what an error was answered as; nothing of its text, which may hold secrets. */
  add({ status, code }: ProblemError, exchange: Exchange): void {
    const { clock, id, trace, route, req } = exchange;
    this.errors.unshift({
      at: new Date(clock.now()).toISOString(),
      id,
      traceId: trace?.traceId,
      method: req.method,
      route,
      status,
      code,
    });
    if (this.errors.length > MAX_RECENT) this.errors.pop();
  }

  get all(): readonly Stats[] {
    return [...this.errors];
  }
}
