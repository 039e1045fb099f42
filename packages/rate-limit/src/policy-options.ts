/** What one policy can be told, and what a route can. */
import {
  boolean,
  type Check,
  type Checks,
  durationMs,
  either,
  type Exchange,
  func,
  type Given,
  integer,
  oneOf,
  OptionError,
  resolveOptions,
} from '@org/core';

/** How units are counted: see the table in the README. */
export type AlgorithmName = 'fixed' | 'sliding' | 'token-bucket' | 'gcra';

/**
 * Whose units are counted together: those of one `address` (a network of IPv6), of one `principal`
 * (a user), of one set of `credentials` (a key), of what a function names, or everybody's (`none`).
 * Whoever cannot be named that way is counted by address.
 */
export type LimitBy =
  | 'address'
  | 'principal'
  | 'credentials'
  | 'none'
  | ((exchange: Exchange) => string | undefined);

/** One limit. */
export interface PolicyOptions {
  /** Units that a client may have in a window. @default 100 */
  readonly limit: number;
  /** Length of the window, in ms. @default 60_000 */
  readonly windowMs: number;
  /** How they are counted. @default "sliding" */
  readonly algorithm: AlgorithmName;
  /** Units that may come at once, for the token bucket and GCRA. @default limit, for GCRA a tenth of it */
  readonly burst: number | undefined;
  /** Whose units are counted together. @default "address" */
  readonly by: LimitBy;
  /** Count what would be refused, refuse nothing and tell clients nothing. @default false */
  readonly shadow: boolean;
}

/** What holds for the requests of one route. */
export interface RouteLimits {
  /** Units that a request takes. */
  readonly cost?: number | undefined;
  /** Policies by name, over those of the instance: another, one of its own in place of one, or `false` for one less. */
  readonly policies?: Readonly<Record<string, Given<PolicyOptions> | false>> | undefined;
}

/** The most that can be counted: sums of it stay whole. */
export const MAX_UNITS: number = 2 ** 31 - 1;

export const POLICY_CHECKS: Checks<PolicyOptions> = Object.freeze<Checks<PolicyOptions>>({
  limit: integer({ min: 1, max: MAX_UNITS }),
  windowMs: durationMs({ min: 1 }),
  algorithm: oneOf('fixed', 'sliding', 'token-bucket', 'gcra'),
  burst: integer({ min: 1, max: MAX_UNITS }),
  by: either(oneOf('address', 'principal', 'credentials', 'none'), func()),
  shadow: boolean(),
});

const ROUTE_CHECKS: Checks<RouteLimits> = Object.freeze<Checks<RouteLimits>>({
  cost: integer({ min: 0, max: MAX_UNITS }),
  policies: plainObject('an object of policies by name'),
});

/** The policies that hold somewhere, and what a request there costs. */
export interface ResolvedRoute {
  readonly cost: number | undefined;
  /** By name; those that are the instance's own are the very same objects. */
  readonly policies: ReadonlyMap<string, Readonly<PolicyOptions>>;
}

/** Policies by name, completed. @throws OptionError for wrong ones, and for names that no header takes */
export function resolvePolicies(
  where: string,
  given: Readonly<Record<string, Given<PolicyOptions>>>,
  defaults: Readonly<PolicyOptions>,
): ReadonlyMap<string, Readonly<PolicyOptions>> {
  return new Map(
    Object.entries(given).map(([name, own]) => [name, resolvePolicy(where, name, own, defaults)]),
  );
}

/** What holds for a route. @throws OptionError */
export function resolveRoute(
  pattern: string,
  given: RouteLimits,
  general: ReadonlyMap<string, Readonly<PolicyOptions>>,
  defaults: Readonly<PolicyOptions>,
): ResolvedRoute {
  const where = `rate-limit: route "${pattern}"`;
  const { cost, policies = {} } = resolveOptions<RouteLimits>(where, {}, ROUTE_CHECKS, given);
  const merged = new Map(general);
  for (const [name, own] of Object.entries(policies)) {
    if (own === false) merged.delete(name);
    else merged.set(name, resolvePolicy(where, name, own, general.get(name) ?? defaults));
  }
  return { cost, policies: merged };
}

/** Names become Strings of a Structured Field (RFC 9651 §3.3.3), and parts of keys: kept plain. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

function resolvePolicy(
  where: string,
  name: string,
  own: Given<PolicyOptions>,
  defaults: Readonly<PolicyOptions>,
): Readonly<PolicyOptions> {
  if (!NAME.test(name)) {
    throw new OptionError(where, [
      `a policy's name must be letters, digits, dots, dashes and underscores, at most 64, but is ${JSON.stringify(name)}.`,
    ]);
  }
  const owner = `${where}: policy "${name}"`;
  const resolved = resolveOptions(owner, defaults, POLICY_CHECKS, own);
  if (own.burst !== undefined) refuseIdleBurst(owner, resolved);
  return resolved;
}

/** A burst that would be passed over in silence. @throws OptionError */
export function refuseIdleBurst(owner: string, { algorithm, burst }: PolicyOptions): void {
  if (burst === undefined || algorithm === 'token-bucket' || algorithm === 'gcra') return;
  throw new OptionError(owner, [
    `option "burst" is ${burst}, but the algorithm "${algorithm}" knows none; choose "token-bucket" or "gcra".`,
  ]);
}

/** An object that is neither a list nor nothing. */
export function plainObject<T extends object>(expected: string): Check<T> {
  return {
    expected,
    accepts: (value): value is T =>
      typeof value === 'object' && value !== null && !Array.isArray(value),
  };
}
