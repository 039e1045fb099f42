/**
 * One call under way, and the account that it is charged to when it ends. Self time is the total
 * less the time in which at least one profiled call of its own was under way, so that children
 * that run side by side are not taken off twice.
 */

/** What is known of one name so far. */
export class Account {
  readonly name: string;
  calls: number = 0;
  failures: number = 0;
  selfMs: number = 0;
  totalMs: number = 0;
  /** It has answered with a promise. */
  waits: boolean;

  constructor(name: string, waits: boolean) {
    this.name = name;
    this.waits = waits;
  }
}

/** One call under way. */
export class Invocation {
  readonly account: Account;
  readonly startMs: number;
  /** The call that made it, as long as that is under way. */
  parent: Invocation | undefined;
  ended: boolean = false;
  /** Calls of its own that are under way, and since when there has been one. */
  private children: number = 0;
  private busySinceMs: number = 0;
  private busyMs: number = 0;

  constructor(account: Account, parent: Invocation | undefined, startMs: number) {
    this.account = account;
    this.parent = parent;
    this.startMs = startMs;
    if (parent !== undefined && parent.children++ === 0) parent.busySinceMs = startMs;
  }

  end(nowMs: number, failed: boolean, counted: boolean): void {
    this.ended = true;
    if (this.children > 0) this.busyMs += nowMs - this.busySinceMs;
    const { account, parent } = this;
    const totalMs = nowMs - this.startMs;
    if (counted) account.calls++;
    if (failed) account.failures++;
    account.selfMs += totalMs - this.busyMs;
    if (!this.isNested()) account.totalMs += totalMs;
    if (parent === undefined) return;
    if (!parent.ended && --parent.children === 0) parent.busyMs += nowMs - parent.busySinceMs;
    // What goes on in its context holds this one, which must not hold all that came before.
    this.parent = underWay(parent);
  }

  /** Somebody of the same name waits for it: that time is counted there. */
  private isNested(): boolean {
    for (let at = this.parent; at !== undefined; at = at.parent) {
      if (at.account === this.account && !at.ended) return true;
    }
    return false;
  }
}

/** The nearest of an invocation and its callers that has not ended. */
export function underWay(invocation: Invocation | undefined): Invocation | undefined {
  let at = invocation;
  while (at?.ended === true) at = at.parent;
  return at;
}
