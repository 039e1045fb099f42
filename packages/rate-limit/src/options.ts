/** The options of the limiter, their defaults and their checks. */
import {
  boolean,
  type Checks,
  type Clock,
  clockCheck,
  CREDENTIAL_DEFAULTS,
  durationMs,
  either,
  type Exchange,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  recordOf,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import type { AdaptiveOptions } from './adaptive.ts';
import type { OnRateLimitEvent } from './events.ts';
import {
  MAX_UNITS,
  plainObject,
  POLICY_CHECKS,
  type PolicyOptions,
  refuseIdleBurst,
  type RouteLimits,
} from './policy-options.ts';
import type { Counters } from './store-guard.ts';

/** What becomes of requests while the shared store is away. */
export type FailPolicy = 'open' | 'closed' | 'local';

/** What the limiter can be told. What a policy leaves open it takes from here. */
export interface RateLimitOptions extends PolicyOptions {
  /** Policies by name; a request must satisfy all of them. @default one, "default", of the values above */
  readonly policies: Readonly<Record<string, Given<PolicyOptions>>> | undefined;
  /** What holds for some addresses, by Express' path patterns, the first that matches. `false`: no limit. @default {} */
  readonly routes: Readonly<Record<string, RouteLimits | false>>;
  /** Units that a request takes; parts are rounded up, 0 is free. @default exchange.cost, which is 1 */
  readonly cost: number | ((exchange: Exchange) => number) | undefined;
  /** Units that a response has really cost, asked when it is done; `undefined`: what was reserved. @default none */
  readonly settle: ((exchange: Exchange) => number | undefined) | undefined;
  /** Requests that are not counted. @default none */
  readonly skip: ((exchange: Exchange) => boolean) | undefined;
  /** Give back what answers below 400 have taken. @default false */
  readonly skipSuccessful: boolean;
  /** Give back what answers from 400 on have taken. @default false */
  readonly skipFailed: boolean;
  /** Bits of an IPv6 address that make one client. @default 56 */
  readonly ipv6PrefixBits: number;
  /** Request headers that carry credentials, besides `Authorization` and `Cookie`, for `by: "credentials"`. @default ["x-api-key", "api-key", "x-auth-token", "x-access-token"] */
  readonly credentialHeaders: readonly string[];
  /** Cookies that identify nobody, for `by: "credentials"`; `_ga*` is a prefix. @default [] */
  readonly harmlessCookies: readonly string[];
  /** Keys that a policy remembers. @default 100_000 */
  readonly maxKeys: number;
  /** Whether answers carry `RateLimit` and `RateLimit-Policy`. @default true */
  readonly headers: boolean;
  /** Whether answers carry `X-RateLimit-Limit`, `-Remaining` and `-Reset`. @default false */
  readonly legacyHeaders: boolean;
  /** Whether the fields name the client's partition, as a digest of its key. @default false */
  readonly partitionKey: boolean;
  /** Hand refusals to the error handlers, rather than answer them at once. @default false */
  readonly throwRefusals: boolean;
  /** Counters that several processes share. @default none */
  readonly store: Counters | undefined;
  /** Whether they are used. @default true where there is a store */
  readonly distributed: boolean | undefined;
  /** The longest that the store may take for a request, in ms. @default 50 */
  readonly storeTimeoutMs: number;
  /** Units of one client that are taken from the store at once while it asks for more than one a second; never more than a twentieth of a limit. 1: each by itself. @default 1 */
  readonly leaseUnits: number;
  /** What the names of shared counters begin with. @default "rate-limit:" */
  readonly storePrefix: string;
  /** What happens while the store is away: `local` counting, `open` or `closed`. @default "local" */
  readonly fail: FailPolicy;
  /** Lower the limits while the service suffers. @default false */
  readonly adaptive: boolean | Given<AdaptiveOptions>;
  /** Consumers that `top` keeps an eye on; 0: none. @default 100 */
  readonly maxTopKeys: number;
  /** Told of what happens. @default nobody */
  readonly onEvent: OnRateLimitEvent | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

export const RATE_LIMIT_DEFAULTS: Readonly<RateLimitOptions> = Object.freeze<RateLimitOptions>({
  limit: 100,
  windowMs: 60_000,
  algorithm: 'sliding',
  burst: undefined,
  by: 'address',
  shadow: false,
  policies: undefined,
  routes: Object.freeze({}),
  cost: undefined,
  settle: undefined,
  skip: undefined,
  skipSuccessful: false,
  skipFailed: false,
  ipv6PrefixBits: 56,
  ...CREDENTIAL_DEFAULTS,
  maxKeys: 100_000,
  headers: true,
  legacyHeaders: false,
  partitionKey: false,
  throwRefusals: false,
  store: undefined,
  distributed: undefined,
  storeTimeoutMs: 50,
  leaseUnits: 1,
  storePrefix: 'rate-limit:',
  fail: 'local',
  adaptive: false,
  maxTopKeys: 100,
  onEvent: undefined,
  clock: systemClock,
});

const CHECKS: Checks<RateLimitOptions> = Object.freeze<Checks<RateLimitOptions>>({
  ...POLICY_CHECKS,
  policies: recordOf<Given<PolicyOptions>>(plainObject('a policy')),
  routes: recordOf<RouteLimits | false>(either(oneOf(false), plainObject('what holds for it'))),
  cost: either(integer({ min: 0, max: MAX_UNITS }), func()),
  settle: func(),
  skip: func(),
  skipSuccessful: boolean(),
  skipFailed: boolean(),
  ipv6PrefixBits: integer({ min: 1, max: 128 }),
  credentialHeaders: listOf(
    // RFC 9110 §5.1: a field name is a token.
    text({ expected: 'a header name', pattern: /^[\w!#$%&'*+.^`|~-]+$/ }),
  ),
  harmlessCookies: listOf(text({ expected: 'a name', pattern: /^.+$/ })),
  maxKeys: integer({ min: 1, max: 10_000_000 }),
  headers: boolean(),
  legacyHeaders: boolean(),
  partitionKey: boolean(),
  throwRefusals: boolean(),
  store: shape<Counters>('a store of counters', ['add']),
  distributed: boolean(),
  storeTimeoutMs: durationMs({ min: 1 }),
  leaseUnits: integer({ min: 1, max: MAX_UNITS }),
  storePrefix: text(),
  fail: oneOf('open', 'closed', 'local'),
  adaptive: either(boolean(), plainObject<Given<AdaptiveOptions>>('its options')),
  maxTopKeys: integer({ min: 0, max: 10_000 }),
  onEvent: func(),
  clock: clockCheck,
});

/** Whether counters are shared with other processes. */
export function isShared({ store, distributed }: Readonly<RateLimitOptions>): boolean {
  return store !== undefined && distributed !== false;
}

/** The options to work with. @throws OptionError for unknown or wrong options */
export function resolveRateLimitOptions(
  options?: Given<RateLimitOptions>,
): Readonly<RateLimitOptions> {
  const resolved = resolveOptions('rate-limit', RATE_LIMIT_DEFAULTS, CHECKS, options);
  // With policies it is a default for those that can use it.
  if (resolved.policies === undefined) refuseIdleBurst('rate-limit', resolved);
  return resolved;
}
