/** Finds what holds for a request. */
import { addressOf, type Exchange, type FindRoute, routeTable } from '@org/core';

import { isShared, type RateLimitOptions } from './options.ts';
import { Plan } from './plan.ts';
import { MAX_UNITS, type PolicyOptions, resolvePolicies, resolveRoute } from './policy-options.ts';
import { Policy } from './policy.ts';

/** The plans of one limiter. */
export class Plans {
  /** The general one first. */
  readonly all: readonly Plan[];
  /** Every policy once. */
  readonly policies: readonly Policy[];
  private readonly general: Plan;
  private readonly find: FindRoute<Plan | false>;
  private readonly hasRoutes: boolean;
  private readonly skip: ((exchange: Exchange) => boolean) | undefined;

  /** @throws OptionError for wrong policies, of a route too, and for a pattern that is none */
  constructor(options: Readonly<RateLimitOptions>) {
    const { limit, windowMs, algorithm, burst, by, shadow, routes, maxKeys } = options;
    const defaults: PolicyOptions = { limit, windowMs, algorithm, burst, by, shadow };
    const general = resolvePolicies('rate-limit', options.policies ?? { default: {} }, defaults);
    const clock = isShared(options) ? options.clock : undefined;
    const made = new Map<Readonly<PolicyOptions>, Policy>();
    const policiesOf = (pattern: string, of: ReadonlyMap<string, Readonly<PolicyOptions>>) =>
      [...of].map(([name, own]) => {
        // One that a route does not change is counted there, too.
        let policy = made.get(own);
        if (policy === undefined) {
          const id = pattern === '*' ? name : `${pattern} ${name}`;
          policy = new Policy(id, name, own, maxKeys, clock);
          made.set(own, policy);
        }
        return policy;
      });
    this.general = new Plan('*', policiesOf('*', general), options.cost);
    const table = Object.entries(routes).map(([pattern, own]): [string, Plan | false] => {
      if (own === false) return [pattern, false];
      const { cost = options.cost, policies } = resolveRoute(pattern, own, general, defaults);
      return [pattern, new Plan(pattern, policiesOf(pattern, policies), cost)];
    });
    this.find = routeTable('rate-limit', Object.fromEntries(table));
    this.hasRoutes = table.length > 0;
    this.all = [this.general, ...table.flatMap(([, plan]) => (plan === false ? [] : [plan]))];
    this.policies = [...made.values()];
    this.skip = options.skip;
  }

  /** What holds for a request; `false`: it is not counted. */
  planFor(exchange: Exchange): Plan | false {
    // The house's own are counted by nobody: whoever makes them bounds them.
    if (exchange.internal || this.skip?.(exchange) === true) return false;
    return this.hasRoutes ? this.planAt(addressOf(exchange.req)) : this.general;
  }

  /** What holds at a path. */
  planAt(path: string): Plan | false {
    return this.find(path) ?? this.general;
  }
}

/** Units that a request takes: whole ones, and one where what was given is no number. */
export function unitsOf(exchange: Exchange, { cost }: Plan): number {
  if (typeof cost === 'number') return cost;
  return wholeUnits(cost === undefined ? exchange.cost : cost(exchange)) ?? 1;
}

/** A cost as it is counted: rounded up, bounded; nothing for what is none. */
export function wholeUnits(cost: unknown): number | undefined {
  if (typeof cost !== 'number' || !(cost >= 0)) return undefined;
  return Math.min(MAX_UNITS, Math.ceil(cost));
}
