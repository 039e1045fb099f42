/** The options of the inspection, their defaults and their checks. */
import {
  boolean,
  type Check,
  type Checks,
  either,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  recordOf,
  resolveOptions,
  text,
} from '@org/core';

import type { OnThreatEvent } from './events.ts';
import { type Threat, THREATS } from './finding.ts';
import type { Strictness } from './inspector.ts';
import type { Field, Fields } from './request-inspector.ts';

/** `enforce`: refuse what is found. `detect`: tell and count it, and let it pass. */
export type ThreatMode = 'detect' | 'enforce';

/** What may differ from route to route; what is absent is the instance's own. */
export interface RouteThreats {
  readonly mode?: ThreatMode | undefined;
  readonly strictness?: Strictness | undefined;
  readonly classes?: readonly Threat[] | undefined;
  /** Fields of this route; they add to those of the instance. */
  readonly fields?: Fields | undefined;
}

/** How requests are inspected. */
export interface ThreatsOptions {
  /** @default "enforce" */
  readonly mode: ThreatMode;
  /**
   * How little is enough. 1: only what can hardly be anything else; 2: everyday traffic and most
   * technical text passes; 3 and 4: suspicion is enough, for routes that take plain values only.
   * @default 2
   */
  readonly strictness: Strictness;
  /** Threats that are looked for. @default all */
  readonly classes: readonly Threat[];
  /** Request headers that are looked at; `all`: those that are not HTTP's own business. @default "all" */
  readonly headers: readonly string[] | 'all';
  /** Whether cookies are looked at. @default true */
  readonly cookies: boolean;
  /**
   * What fields are meant to hold, by name (`bio`) or path (`user.bio`, `items[].title`): `html`,
   * `code` or `text`; `plain` is anything else, and `false` is not looked at. @default {}
   */
  readonly fields: Fields;
  /** Policies by Express' path patterns; the first that matches counts. `false`: not inspected. @default {} */
  readonly routes: Readonly<Record<string, RouteThreats | false>>;
  /** Depth of objects and lists in a body. @default 64 */
  readonly maxDepth: number;
  /** Members and elements of a body, or parameters of a query. @default 10_000 */
  readonly maxKeys: number;
  /** Characters of text in a request that are looked at; a request with more is refused. @default 4_194_304 */
  readonly maxTextLength: number;
  /** Hand refusals to the error handlers, rather than answer them at once. @default false */
  readonly throwRefusals: boolean;
  /** Told of requests in which something was found. @default nobody */
  readonly onEvent: OnThreatEvent | undefined;
}

export const THREATS_DEFAULTS: Readonly<ThreatsOptions> = Object.freeze<ThreatsOptions>({
  mode: 'enforce',
  strictness: 2,
  classes: THREATS,
  headers: 'all',
  cookies: true,
  fields: Object.freeze({}),
  routes: Object.freeze({}),
  maxDepth: 64,
  maxKeys: 10_000,
  maxTextLength: 4_194_304,
  throwRefusals: false,
  onEvent: undefined,
});

const mode = oneOf('detect', 'enforce');
const strictness = oneOf(1, 2, 3, 4);
const classes = listOf(oneOf(...THREATS));
const fields: Check<Fields> = recordOf<Field>(oneOf<Field>('plain', 'text', 'html', 'code', false));

const ROUTE_CHECKS: Checks<RouteThreats> = { mode, strictness, classes, fields };

const route: Check<RouteThreats> = {
  expected: 'false or a policy',
  accepts: (value): value is RouteThreats =>
    typeof value === 'object' && value !== null && !Array.isArray(value),
};

const CHECKS: Checks<ThreatsOptions> = {
  mode,
  strictness,
  classes,
  // RFC 9110 §5.1: a field name is a token.
  headers: either(
    listOf(text({ expected: 'a header name', pattern: /^[\w!#$%&'*+.^`|~-]+$/ })),
    oneOf('all'),
  ),
  cookies: boolean(),
  fields,
  routes: recordOf<RouteThreats | false>(either(route, oneOf(false))),
  maxDepth: integer({ min: 1 }),
  maxKeys: integer({ min: 1 }),
  maxTextLength: integer({ min: 1 }),
  throwRefusals: boolean(),
  onEvent: func<OnThreatEvent>(),
};

/** The options to work with. @throws OptionError for unknown or wrong options, of a route too */
export function resolveThreatsOptions(
  options: Given<ThreatsOptions> | undefined,
): Readonly<ThreatsOptions> {
  const resolved = resolveOptions('threats', THREATS_DEFAULTS, CHECKS, options);
  for (const [pattern, own] of Object.entries(resolved.routes)) {
    if (own !== false)
      resolveOptions<RouteThreats>(`threats: route "${pattern}"`, {}, ROUTE_CHECKS, own);
  }
  return resolved;
}
