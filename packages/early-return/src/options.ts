/** The options of early answers, their defaults and their checks. */
import {
  boolean,
  bytes,
  type Check,
  type Checks,
  either,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  OptionError,
  recordOf,
  resolveOptions,
  text,
} from '@org/core';
import type { Request, RequestHandler } from 'express';

import type { OnEarlyAnswer } from './events.ts';
import { type Validators, validatorsCheck } from './validators.ts';

/** An answer as data. */
export interface Rule {
  /** An address without its query, or a pattern of Express. */
  readonly path: string;
  /** Which methods it answers; GET answers HEAD as well. @default ["GET"] */
  readonly methods?: readonly string[];
  /** @default 200 with a body, 204 without */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text or bytes are sent as they are, anything else as JSON. @default none */
  readonly body?: unknown;
  /** Whether it holds for a request. @default always */
  readonly when?: (req: Request) => boolean;
}

/** What holds for the requests of one route. */
export interface RouteLimits {
  readonly contentTypes?: readonly string[] | undefined;
  readonly maxBodyBytes?: number | undefined;
}

/** What is answered without a handler. */
export interface EarlyReturnOptions {
  /** Answers as data; the first that matches counts. @default [] */
  readonly rules: readonly Rule[];
  /** Addresses that answer 204 to GET and HEAD, for pings. @default [] */
  readonly pings: readonly string[];
  /** Answers `/favicon.ico` with 204 and a day of freshness. @default false */
  readonly favicon: boolean;
  /** The text of `/robots.txt`; `"deny"` keeps all robots away. @default false */
  readonly robots: string | false;
  /** Answers OPTIONS with a true `Allow` where a route is listed; preflights and routes that take OPTIONS pass. @default true */
  readonly options: boolean;
  /** Methods that are served; others get 501. @default all */
  readonly methods: readonly string[] | undefined;
  /** The longest path and query, in characters; longer ones get 414. @default 8192 */
  readonly maxUrlLength: number;
  /** The most header fields; more get 431. @default 200 */
  readonly maxHeaderCount: number;
  /** The most bytes of header fields, below Node's own limit; more get 431. @default Node's own limit */
  readonly maxHeaderBytes: number | undefined;
  /** Media types of bodies, such as `application/json` or `text/*`; others get 415. @default all */
  readonly contentTypes: readonly string[] | undefined;
  /** The most bytes that a body may declare; more get 413. @default no limit */
  readonly maxBodyBytes: number | undefined;
  /** What differs by route, by Express' path patterns; the first that matches counts. @default {} */
  readonly routes: Readonly<Record<string, RouteLimits>>;
  /** Answers 404 where no listed route has the address. For apps whose middlewares answer nothing by themselves. @default false */
  readonly refuseUnknown: boolean;
  /** How the version of a resource is found before its handler runs, by path pattern. @default {} */
  readonly validators: Validators;
  /** Headers of every early answer. @default nosniff, no framing, no referrer, a policy that allows nothing */
  readonly headers: Readonly<Record<string, string>>;
  /** Sets security headers on early answers, such as `helmet()`; it must not wait. @default none */
  readonly secure: RequestHandler | undefined;
  /** Told of every early answer. @default nobody */
  readonly onAnswer: OnEarlyAnswer | undefined;
}

export const EARLY_RETURN_DEFAULTS: Readonly<EarlyReturnOptions> =
  Object.freeze<EarlyReturnOptions>({
    rules: Object.freeze([]),
    pings: Object.freeze([]),
    favicon: false,
    robots: false,
    options: true,
    methods: undefined,
    maxUrlLength: 8192,
    maxHeaderCount: 200,
    maxHeaderBytes: undefined,
    contentTypes: undefined,
    maxBodyBytes: undefined,
    routes: Object.freeze({}),
    refuseUnknown: false,
    validators: Object.freeze({}),
    headers: Object.freeze({
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Referrer-Policy': 'no-referrer',
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    }),
    secure: undefined,
    onAnswer: undefined,
  });

const path = text({ expected: 'a path that begins with "/"', pattern: /^\// });
const METHOD: Check<string> = text({ expected: 'a method in capitals', pattern: /^[A-Z][A-Z-]*$/ });
const MEDIA_RANGE: Check<string> = text({
  expected: 'a media type such as "application/json" or "text/*"',
  pattern: /^[\w.+-]+\/(?:\*|[\w.+-]+)$/,
});

function objects<T>(expected: string): Check<T> {
  return {
    expected,
    accepts: (value): value is T =>
      typeof value === 'object' && value !== null && !Array.isArray(value),
  };
}

const CHECKS: Checks<EarlyReturnOptions> = Object.freeze<Checks<EarlyReturnOptions>>({
  rules: listOf(objects<Rule>('a rule')),
  pings: listOf(path),
  favicon: boolean(),
  robots: either(text(), oneOf(false)),
  options: boolean(),
  methods: listOf(METHOD),
  maxUrlLength: integer({ min: 1 }),
  maxHeaderCount: integer({ min: 1 }),
  maxHeaderBytes: bytes({ min: 1 }),
  contentTypes: listOf(MEDIA_RANGE),
  maxBodyBytes: bytes(),
  routes: recordOf(objects<RouteLimits>('limits')),
  refuseUnknown: boolean(),
  validators: validatorsCheck,
  headers: recordOf(text()),
  secure: func<RequestHandler>(),
  onAnswer: func<OnEarlyAnswer>(),
});

const RULE_CHECKS: Checks<Rule> = Object.freeze<Checks<Rule>>({
  path,
  methods: listOf(METHOD),
  status: integer({ min: 200, max: 599 }),
  headers: recordOf(text()),
  body: { expected: 'anything', accepts: (value): value is unknown => value !== undefined },
  when: func<(req: Request) => boolean>(),
});

const LIMIT_CHECKS: Checks<RouteLimits> = Object.freeze<Checks<RouteLimits>>({
  contentTypes: listOf(MEDIA_RANGE),
  maxBodyBytes: bytes(),
});

/** @throws OptionError for unknown or wrong options, those of rules and routes included */
export function resolveEarlyReturnOptions(
  options: Given<EarlyReturnOptions> | undefined,
): Readonly<EarlyReturnOptions> {
  const resolved = resolveOptions('earlyReturn', EARLY_RETURN_DEFAULTS, CHECKS, options);
  for (const [at, rule] of resolved.rules.entries()) {
    const owner = `earlyReturn: rules[${at}]`;
    resolveOptions<Partial<Rule>>(owner, {}, RULE_CHECKS, rule);
    if (rule.path === undefined) throw new OptionError(owner, ['needs a "path".']);
  }
  for (const [pattern, limits] of Object.entries(resolved.routes)) {
    resolveOptions(`earlyReturn: route "${pattern}"`, {}, LIMIT_CHECKS, limits);
  }
  return resolved;
}
