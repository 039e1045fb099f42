/**
 * The limiter: each client may have so much in so much time, by one policy or by several. It
 * stands at the end of the phase `protect`: whoever is blocked is not counted, and who is refused
 * here has cost nothing yet.
 */
import {
  answerProblem,
  defineMiddleware,
  defineStages,
  type Exchange,
  type Given,
  HANDLED,
  Listeners,
  type Middleware,
  type StateKey,
  stateKey,
  type StepResult,
} from '@org/core';

import { Adaptive } from './adaptive.ts';
import { RATE_LIMIT_CHANNEL } from './events.ts';
import { tellerOf } from './fields.ts';
import { healthOf } from './health.ts';
import { Limiter, type Outcome } from './limiter.ts';
import { type RateLimitOptions, resolveRateLimitOptions } from './options.ts';
import { Plans, unitsOf, wholeUnits } from './plans.ts';
import { limiterUnavailable, Refusals, violatedPolicies } from './refusals.ts';
import { Statistics } from './statistics.ts';
import { type Consumer, TopConsumers } from './top-consumers.ts';
import { type Verdict, verdictOf } from './verdict.ts';
import type { Visit } from './visit.ts';

/** What is asked for without a request. */
export interface ConsumeOptions {
  /** Units to take. @default 1 */
  readonly units?: number | undefined;
  /** The path whose policies hold. @default "/" */
  readonly path?: string | undefined;
}

/** The limiter: a middleware, and what can be asked of it. */
export interface RateLimit extends Middleware {
  /**
   * Makes what this exchange has taken what it has really cost: the rest is given back, or taken
   * on top, if need be on credit. The last word counts. Says whether anything had been taken.
   * @throws RangeError for a cost that is no number from 0
   */
  settle(exchange: Exchange, cost: number): boolean;
  /**
   * Takes for a key, as a request would: a connection, a job, a message. Keys are as `top` shows
   * them: an address or its network, or `user:`, `key:` or `own:` and a name.
   */
  consume(key: string, options?: ConsumeOptions): Promise<Verdict>;
  /** How a key stands, as if it asked now; nothing is taken. */
  peek(key: string, options?: ConsumeOptions): Promise<Verdict>;
  /** Forgets what a key has taken, in every policy. */
  reset(key: string): Promise<void>;
  /** Those who have asked for the most, most first. @param count at most so many; by default 10 */
  top(count?: number): readonly Consumer[];
}

/** Makes a limiter of its own. @throws OptionError for unknown or wrong options */
export function rateLimit(options?: Given<RateLimitOptions>): RateLimit {
  const settings = resolveRateLimitOptions(options);
  const { clock, throwRefusals, skipSuccessful, skipFailed, settle: realCost } = settings;
  const listeners = new Listeners(RATE_LIMIT_CHANNEL, settings.onEvent, 'rate-limit onEvent');
  const plans = new Plans(settings);
  const refusals = new Refusals();
  const unavailable = limiterUnavailable();
  const statistics = new Statistics();
  const consumers = new TopConsumers(settings.maxTopKeys);
  const visits: StateKey<Visit> = stateKey<Visit>('rate-limit visit');
  const settledByHand: StateKey<true> = stateKey<true>('rate-limit settled');
  let closed = false;

  const limiter = new Limiter(settings, plans.policies, {
    onAway(error) {
      if (listeners.listening) listeners.tell({ type: 'store-away', error });
    },
    onBack() {
      if (listeners.listening) listeners.tell({ type: 'store-back' });
    },
  });
  const adaptive =
    settings.adaptive === false
      ? undefined
      : new Adaptive(settings.adaptive === true ? {} : settings.adaptive, clock, adapt);

  function adapt(ratio: number, before: number, reason: string): void {
    for (const { algorithm } of plans.policies) algorithm.scale(ratio);
    for (const plan of plans.all) plan.refresh();
    if (listeners.listening) listeners.tell({ type: 'adapted', ratio, before, reason });
  }

  const tellLimits = tellerOf(settings);
  const stages = defineStages({
    ...(tellLimits === undefined
      ? {}
      : { head: (head, exchange) => tellLimits(head, exchange.getState(visits)!) }),
    ...(realCost !== undefined || skipSuccessful || skipFailed ? { done: settleAtEnd } : {}),
  });

  function step(exchange: Exchange): StepResult {
    if (closed) return undefined;
    const plan = plans.planFor(exchange);
    if (plan === false) {
      statistics.skippedTotal++;
      return undefined;
    }
    // Mounted twice it counts once.
    if (plan.policies.length === 0 || exchange.getState(visits) !== undefined) return undefined;
    const nowMs = clock.monotonicMs();
    adaptive?.look(nowMs);
    const visit = limiter.visitOf(exchange, plan, unitsOf(exchange, plan), nowMs);
    exchange.setState(visits, visit);
    if (stages.bits !== 0) exchange.tap(stages);
    const outcome = limiter.decide(visit);
    return outcome instanceof Promise
      ? outcome.then((late) => conclude(exchange, visit, late))
      : conclude(exchange, visit, outcome);
  }

  /** Counts a decision, and carries it out. @throws ProblemError where others are to answer */
  function conclude(exchange: Exchange, visit: Visit, outcome: Outcome): void | typeof HANDLED {
    record(visit, outcome);
    tell(exchange, visit, outcome);
    if (outcome === 'allowed') return undefined;
    visit.refused = true;
    // Somebody has answered while the store was asked.
    if (exchange.res.headersSent) return HANDLED;
    const known = outcome === 'unavailable' ? unavailable : undefined;
    if (throwRefusals) throw known ?? refusals.fresh(visit);
    const error = known ?? refusals.shared(visit);
    // For those who observe: it never reaches an error handler.
    exchange.error = error;
    answerProblem(exchange.res, error);
    return HANDLED;
  }

  function record(visit: Visit, outcome: Outcome): void {
    statistics.decided(visit, outcome);
    consumers.note(visit.key, visit.units, outcome !== 'allowed', visit.takenMs);
  }

  function tell(exchange: Exchange, visit: Visit, outcome: Outcome): void {
    if (!listeners.listening || !visit.standings.some(({ violated }) => violated)) return;
    const { plan, waitMs: retryAfterMs } = visit;
    const event = { type: 'refused', route: plan.pattern, exchange } as const;
    const inShadow = violatedPolicies(visit, true);
    if (inShadow.length > 0) {
      listeners.tell({ ...event, policies: inShadow, retryAfterMs: 0, shadow: true });
    }
    if (outcome !== 'refused') return;
    listeners.tell({
      ...event,
      policies: violatedPolicies(visit, false),
      retryAfterMs,
      shadow: false,
    });
  }

  function settleAtEnd(exchange: Exchange): void {
    const visit = exchange.getState(visits)!;
    if (visit.refused) return;
    const failed = exchange.res.statusCode >= 400;
    // Whoever goes before the answer has not been answered, one way or the other.
    if (!exchange.aborted && (failed ? skipFailed : skipSuccessful)) {
      settleVisit(visit, 0);
    } else if (realCost !== undefined && exchange.getState(settledByHand) === undefined) {
      settleVisit(visit, wholeUnits(realCost(exchange)) ?? visit.units);
    }
  }

  function settleVisit(visit: Visit, units: number): void {
    statistics.settled(units - visit.units);
    limiter.settle(visit, units);
  }

  function visitFor(key: string, { units = 1, path = '/' }: ConsumeOptions): Visit | undefined {
    const asked = checkedUnits(units, 'units');
    const plan = plans.planAt(path);
    if (closed || plan === false || plan.policies.length === 0) return undefined;
    const nowMs = clock.monotonicMs();
    adaptive?.look(nowMs);
    return limiter.visitFor(key, plan, asked, nowMs);
  }

  const middleware = defineMiddleware({
    name: 'rate-limit',
    phase: 'protect',
    priority: 60,
    reason: 'who is refused has cost nothing yet, and who is blocked is not counted',
    step,
    health: () => healthOf(settings, limiter.guard, adaptive),
    stats: () => statistics.snapshot(plans, limiter.guard, adaptive),
    close() {
      closed = true;
      adaptive?.close();
      for (const { keys } of plans.policies) keys.clear();
      return limiter.close();
    },
  });

  return Object.assign(middleware, {
    settle(exchange: Exchange, cost: number): boolean {
      const units = checkedUnits(cost, 'cost');
      const visit = exchange.getState(visits);
      if (visit === undefined || visit.refused) return false;
      exchange.setState(settledByHand, true);
      settleVisit(visit, units);
      return true;
    },
    async consume(key: string, asked: ConsumeOptions = {}): Promise<Verdict> {
      const visit = visitFor(key, asked);
      if (visit === undefined) return UNLIMITED;
      const outcome = await limiter.decide(visit);
      record(visit, outcome);
      return verdictOf(visit, outcome);
    },
    async peek(key: string, asked: ConsumeOptions = {}): Promise<Verdict> {
      const visit = visitFor(key, asked);
      if (visit === undefined) return UNLIMITED;
      await limiter.look(visit);
      return verdictOf(visit, visit.refused ? 'refused' : 'allowed');
    },
    reset: (key: string): Promise<void> => limiter.forget(key, plans.policies),
    top: (most: number = 10): readonly Consumer[] => consumers.top(most),
  });
}

/** Where no policy holds, or none any more. */
const UNLIMITED: Verdict = Object.freeze({
  allowed: true,
  retryAfterMs: 0,
  degraded: false,
  policies: Object.freeze([]),
});

function checkedUnits(value: number, name: string): number {
  const units = wholeUnits(value);
  if (units !== undefined) return units;
  throw new RangeError(`rate-limit: ${name} must be a number from 0, but is ${String(value)}.`);
}
