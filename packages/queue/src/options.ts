/** The options of the queue, their defaults and their checks. */
import {
  boolean,
  type Check,
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
  OptionError,
  type Partition,
  partitionCheck,
  ratio,
  recordOf,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';
import type { Request } from 'express';

import type { OnQueueEvent } from './events.ts';
import type { Limit } from './limit.ts';

/** How an answer counts for the limit: see `Permit`. */
export type Outcome = 'success' | 'ignore' | 'dropped';

/** What may differ from route to route; what is absent is the instance's own. */
export interface RoutePolicy {
  /** Permits that a request takes. */
  readonly cost?: number | undefined;
  /** Name of the class. */
  readonly priority?: string | undefined;
  /** The longest wait, in ms. */
  readonly maxWaitMs?: number | undefined;
}

/** What the queue can be told. */
export interface QueueOptions {
  /** Requests that may be worked on at once, in units of cost; the most that an adaptive limit grows to. @default 100 */
  readonly maxConcurrent: number;
  /** Requests that may wait; 0: none does. @default 1000 */
  readonly maxQueueSize: number;
  /** How the limit is decided: it stays at `maxConcurrent`, an algorithm moves it below that, or one of your own decides. @default "fixed" */
  readonly limit: 'fixed' | 'aimd' | 'vegas' | 'gradient' | Limit;
  /** The longest wait, in ms; a request that is predicted to wait longer is refused at once. @default 1000 */
  readonly maxWaitMs: number;
  /** The wait that may stand, in ms, or as long as the work itself takes, if that is longer: the target of CoDel. @default 50 */
  readonly targetWaitMs: number;
  /** How long everybody must have waited longer before the queue counts as standing, in ms, or four targets, if that is longer. @default 200 */
  readonly intervalMs: number;
  /** Names of the priority classes, most urgent first. @default ["high", "normal", "low"] */
  readonly classes: readonly string[];
  /** The class of a request; without a known name it is the middle one, or of two the less urgent. @default none */
  readonly priority: ((req: Request) => string | undefined) | undefined;
  /** A class stands behind the one above it as if its requests had come this much later, in ms. @default 250 */
  readonly agingMs: number;
  /** Share of the limit that only the first class may use. @default 0 */
  readonly reservedRatio: number;
  /** Who takes turns: each principal, each set of credentials, each name that a function gives; `none`: nobody. @default "principal" */
  readonly fairBy: Partition;
  /** Request headers that carry credentials, besides `Authorization` and `Cookie`, for `fairBy: "credentials"`. @default ["x-api-key", "api-key", "x-auth-token", "x-access-token"] */
  readonly credentialHeaders: readonly string[];
  /** Cookies that identify nobody, for `fairBy: "credentials"`; `_ga*` is a prefix. @default [] */
  readonly harmlessCookies: readonly string[];
  /** Permits that a request takes; anything but a number from 1 counts as 1, parts are rounded up. @default exchange.cost */
  readonly cost: ((req: Request) => number) | undefined;
  /** Requests that neither take a permit nor wait. @default none */
  readonly exempt: ((req: Request) => boolean) | undefined;
  /** Policies by path pattern as Express writes it; the first that matches counts. `false`: exempt. @default {} */
  readonly routes: Readonly<Record<string, RoutePolicy | false>>;
  /** Request header in which a client says how long it waits for the answer, in seconds; it only shortens the wait. @default none */
  readonly deadlineHeader: string | undefined;
  /** Whether event streams hand their permit back with their head. @default true */
  readonly releaseStreams: boolean;
  /** How an answer counts for an adaptive limit. @default 503 and 504 dropped; cut off, refused (4xx) and failed (5xx) ignored; otherwise success */
  readonly outcome: ((exchange: Exchange) => Outcome) | undefined;
  /** Count what would be refused, and refuse nothing and hold nobody up. @default false */
  readonly shadow: boolean;
  /** Hand refusals to the error handlers, rather than answer them at once. @default false */
  readonly throwRefusals: boolean;
  /** The least that a refused client is told to wait, in ms. @default 1000 */
  readonly retryAfterMs: number;
  /** Up to so much more, at random, in ms. @default 4000 */
  readonly retryAfterSpreadMs: number;
  /** Told of what happens. @default nobody */
  readonly onEvent: OnQueueEvent | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
  /** Source of randomness, from 0 to below 1. @default Math.random */
  readonly random: () => number;
}

export const QUEUE_DEFAULTS: Readonly<QueueOptions> = Object.freeze<QueueOptions>({
  maxConcurrent: 100,
  maxQueueSize: 1000,
  limit: 'fixed',
  maxWaitMs: 1000,
  targetWaitMs: 50,
  intervalMs: 200,
  classes: Object.freeze(['high', 'normal', 'low']),
  priority: undefined,
  agingMs: 250,
  reservedRatio: 0,
  fairBy: 'principal',
  ...CREDENTIAL_DEFAULTS,
  cost: undefined,
  exempt: undefined,
  routes: Object.freeze({}),
  deadlineHeader: undefined,
  releaseStreams: true,
  outcome: undefined,
  shadow: false,
  throwRefusals: false,
  retryAfterMs: 1000,
  retryAfterSpreadMs: 4000,
  onEvent: undefined,
  clock: systemClock,
  random: Math.random,
});

const name = text({ expected: 'a name', pattern: /^.+$/ });
const fieldName = text({
  // RFC 9110 §5.1: a field name is a token.
  expected: 'a header name',
  pattern: /^[\w!#$%&'*+.^`|~-]+$/,
});

const POLICY_CHECKS: Checks<RoutePolicy> = Object.freeze<Checks<RoutePolicy>>({
  cost: integer({ min: 1 }),
  priority: name,
  maxWaitMs: durationMs(),
});

const policy: Check<RoutePolicy | false> = {
  expected: 'false or a policy',
  accepts: (value): value is RoutePolicy | false =>
    value === false || (typeof value === 'object' && value !== null && !Array.isArray(value)),
};

const ownLimit: Check<Limit> = {
  expected: 'a Limit (with a number "limit" of at least 1)',
  accepts: (value): value is Limit => Number((value as Limit | null | undefined)?.limit) >= 1,
};

const classNames: Check<readonly string[]> = {
  expected: 'a list of 1 to 16 different names',
  accepts: (value): value is readonly string[] =>
    listOf(name).accepts(value) &&
    value.length >= 1 &&
    value.length <= 16 &&
    new Set(value).size === value.length,
};

/** The most that clients are told to wait beyond the least: there is an error for each second. */
const MAX_SPREAD_MS = 600_000;

const CHECKS: Checks<QueueOptions> = Object.freeze<Checks<QueueOptions>>({
  maxConcurrent: integer({ min: 1 }),
  maxQueueSize: integer({ min: 0 }),
  limit: either(oneOf('fixed', 'aimd', 'vegas', 'gradient'), ownLimit),
  maxWaitMs: durationMs(),
  targetWaitMs: durationMs({ min: 1 }),
  intervalMs: durationMs({ min: 1 }),
  classes: classNames,
  priority: func(),
  agingMs: durationMs(),
  reservedRatio: ratio({ max: 0.9 }),
  fairBy: partitionCheck,
  credentialHeaders: listOf(fieldName),
  harmlessCookies: listOf(name),
  cost: func(),
  exempt: func(),
  routes: recordOf(policy),
  deadlineHeader: fieldName,
  releaseStreams: boolean(),
  outcome: func(),
  shadow: boolean(),
  throwRefusals: boolean(),
  retryAfterMs: durationMs(),
  retryAfterSpreadMs: durationMs({ max: MAX_SPREAD_MS }),
  onEvent: func(),
  clock: clockCheck,
  random: func(),
});

/** The options to work with. @throws OptionError for unknown or wrong options, of a route too */
export function resolveQueueOptions(options?: Given<QueueOptions>): Readonly<QueueOptions> {
  const resolved = resolveOptions('queue', QUEUE_DEFAULTS, CHECKS, options);
  for (const [pattern, own] of Object.entries(resolved.routes)) {
    if (own === false) continue;
    const owner = `queue: route "${pattern}"`;
    const { priority } = resolveOptions<RoutePolicy>(owner, {}, POLICY_CHECKS, own);
    if (priority === undefined || resolved.classes.includes(priority)) continue;
    throw new OptionError(owner, [
      `option "priority" must be one of ${resolved.classes.join(', ')}, but is "${priority}".`,
    ]);
  }
  return resolved;
}
