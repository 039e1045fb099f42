/**
 * The decision: asks all policies that hold, in this process first and then, where counters are
 * shared, in the store. What this process alone has seen is never too much, so whom it refuses
 * the store need not be asked about; and while the store is away, its counts are warm.
 */
import { type Clock, type Exchange, MAX_DELAY_MS, type MaybePromise, OptionError } from '@org/core';

import { Callers, EVERYBODY } from './caller.ts';
import { type FailPolicy, isShared, type RateLimitOptions } from './options.ts';
import type { Plan } from './plan.ts';
import type { Policy } from './policy.ts';
import { SharedCounts } from './shared-counts.ts';
import { Standing } from './standing.ts';
import { StoreGuard, type StoreGuardOptions } from './store-guard.ts';
import { Visit } from './visit.ts';

/** `unavailable`: the store is away, and nobody may pass without it. */
export type Outcome = 'allowed' | 'refused' | 'unavailable';

export class Limiter {
  /** The store, where counters are shared. */
  readonly guard: StoreGuard | undefined;
  private readonly shared: SharedCounts | undefined;
  private readonly callers: Callers;
  private readonly clock: Clock;
  private readonly fail: FailPolicy;

  /** @throws OptionError for windows that no store keeps */
  constructor(
    options: Readonly<RateLimitOptions>,
    policies: readonly Policy[],
    listener: Pick<StoreGuardOptions, 'onAway' | 'onBack'>,
  ) {
    const { clock, fail, store, storeTimeoutMs: timeoutMs } = options;
    this.clock = clock;
    this.fail = fail;
    this.callers = new Callers(options);
    if (store === undefined || !isShared(options)) return;
    checkWindows(policies);
    this.guard = new StoreGuard({ store, timeoutMs, clock, ...listener });
    this.shared = new SharedCounts(this.guard, options);
  }

  /** A request before its policies; nothing is taken. */
  visitOf(exchange: Exchange, plan: Plan, units: number, nowMs: number): Visit {
    const { policies } = plan;
    const standings: Standing[] = [];
    let key = '';
    for (let at = 0; at < policies.length; at++) {
      const policy = policies[at]!;
      const { by } = policy.options;
      if (at === 0 || by !== policies[at - 1]!.options.by) key = this.callers.keyOf(exchange, by);
      standings.push(new Standing(policy, key, units, nowMs));
    }
    return new Visit(plan, standings, units, nowMs);
  }

  /** A key that somebody gives before the policies of a plan; nothing is taken. */
  visitFor(given: string, plan: Plan, units: number, nowMs: number): Visit {
    const key = this.callers.givenKey(given);
    const standings = plan.policies.map(
      (policy) =>
        new Standing(policy, policy.options.by === 'none' ? EVERYBODY : key, units, nowMs),
    );
    return new Visit(plan, standings, units, nowMs);
  }

  /** Takes from all policies, or from none. */
  decide(visit: Visit): MaybePromise<Outcome> {
    const { shared, guard, fail } = this;
    if (shared === undefined) {
      if (visit.refused) return 'refused';
      visit.take();
      return 'allowed';
    }
    if (visit.refused) {
      if (fail !== 'open' || !guard!.away) return 'refused';
      // Open is open: while the store is away, this process' own counts refuse nobody either.
      visit.refused = false;
      visit.degraded = true;
      visit.take();
      return 'allowed';
    }
    visit.take();
    const answered = shared.take(visit);
    return answered instanceof Promise
      ? answered.then((late) => this.conclude(visit, late))
      : this.conclude(visit, answered);
  }

  /** Corrects a visit from which nothing is taken by what all processes have. */
  async look(visit: Visit): Promise<void> {
    if (this.shared !== undefined) visit.degraded = !(await this.shared.look(visit));
  }

  /** Makes what a visit has taken what it has cost. */
  settle(visit: Visit, units: number): void {
    const more = visit.settle(units, this.clock.monotonicMs());
    for (const standing of visit.standings) if (standing.taken) this.shared?.add(standing, more);
  }

  /** Forgets what a key that somebody gives has taken. */
  async forget(given: string, policies: readonly Policy[]): Promise<void> {
    const key = this.callers.givenKey(given);
    await Promise.all(
      policies.map(async (policy) => {
        policy.keys.forget(key);
        await this.shared?.reset(policy, key);
      }),
    );
  }

  /** Gives back what this process has taken ahead of its use. */
  async close(): Promise<void> {
    await this.shared?.close();
  }

  private conclude(visit: Visit, answered: boolean): Outcome {
    const nowMs = this.clock.monotonicMs();
    if (answered) {
      const { refused } = visit;
      visit.giveBack(nowMs, ({ violated }) => refused || violated);
      return refused ? 'refused' : 'allowed';
    }
    visit.degraded = true;
    if (this.fail !== 'closed') {
      visit.refused = false;
      return 'allowed';
    }
    for (const standing of visit.standings) {
      if (standing.taken) this.shared?.add(standing, -visit.units);
    }
    visit.giveBack(nowMs, () => true);
    return 'unavailable';
  }
}

/** A shared window is kept until the next one is over. */
function checkWindows(policies: readonly Policy[]): void {
  const problems = policies
    .filter(({ options }) => options.windowMs > MAX_DELAY_MS / 2)
    .map(
      ({ id, options }) =>
        `policy "${id}" has a window of ${options.windowMs} ms; with a store it may have at most ${Math.floor(MAX_DELAY_MS / 2)}.`,
    );
  if (problems.length > 0) throw new OptionError('rate-limit', problems);
}
