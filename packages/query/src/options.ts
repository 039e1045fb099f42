/** The options of the watch over statements, their defaults and their checks. */
import {
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  func,
  type Given,
  integer,
  type MonitoringAccess,
  monitoringAccess,
  oneOf,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';

import type { ExplainOn } from './explain.ts';
import type { QueryFinding } from './findings.ts';

/** What query can be told. */
export interface QueryOptions {
  /** Names the component. @default "query" */
  readonly name: string;
  /**
   * What happens when a request asks for one statement again and again from one line: nothing, an
   * event and a warning, or an answer of 500 in the place of the handler's, for tests. @default "warn"
   */
  readonly nPlusOne: 'off' | 'warn' | 'throw';
  /** Repetitions that are allowed. @default 10 */
  readonly nPlusOneThreshold: number;
  /** From when on a statement is slow, in ms. @default 200 */
  readonly slowAfterMs: number;
  /** Slow statements, and findings, that are kept. @default 50 */
  readonly maxFindings: number;
  /** Forms of statements that are told apart. @default 500 */
  readonly maxStatements: number;
  /** Routes whose numbers are told apart. @default 200 */
  readonly maxRoutes: number;
  /** Where plans are made: `data.session()`, a pool of `pg`, a PGlite. @default nowhere */
  readonly explainOn: ExplainOn | undefined;
  /**
   * Who gets `Server-Timing`: callers who may look inside, all, or nobody.
   * @default "always" where NODE_ENV is "development", "authorised" otherwise
   */
  readonly serverTiming: 'authorised' | 'always' | 'never' | undefined;
  /** Path of the monitoring route; `false`: none. @default "/api/middleware/queries" */
  readonly path: string | false;
  /** Who may look inside, in place of loopback. @default loopback only */
  readonly access: MonitoringAccess | undefined;
  /** Hears of findings. @default nobody */
  readonly onFinding: ((finding: QueryFinding) => unknown) | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

export const QUERY_DEFAULTS: Readonly<QueryOptions> = Object.freeze<QueryOptions>({
  name: 'query',
  nPlusOne: 'warn',
  nPlusOneThreshold: 10,
  slowAfterMs: 200,
  maxFindings: 50,
  maxStatements: 500,
  maxRoutes: 200,
  explainOn: undefined,
  serverTiming: undefined,
  path: '/api/middleware/queries',
  access: undefined,
  onFinding: undefined,
  clock: systemClock,
});

const explainOn: Check<ExplainOn> = {
  expected: 'data.session(), a pool of pg or a PGlite (with transaction or connect)',
  accepts: (value): value is ExplainOn => {
    const { transaction, connect } = (value ?? {}) as Record<string, unknown>;
    return typeof transaction === 'function' || typeof connect === 'function';
  },
};
const path: Check<string | false> = {
  expected: 'false, or a path of plain segments, such as "/api/middleware/queries"',
  accepts: (value): value is string | false =>
    value === false || (typeof value === 'string' && /^(?:\/[\w.~-]+)+$/.test(value)),
};

const CHECKS: Checks<QueryOptions> = {
  name: text({
    expected: 'a name of lower-case letters, digits and hyphens',
    pattern: /^[a-z][a-z0-9-]*$/,
  }),
  nPlusOne: oneOf('off', 'warn', 'throw'),
  nPlusOneThreshold: integer({ min: 1 }),
  slowAfterMs: durationMs(),
  maxFindings: integer({ min: 1, max: 10_000 }),
  maxStatements: integer({ min: 1, max: 100_000 }),
  maxRoutes: integer({ min: 1, max: 100_000 }),
  explainOn,
  serverTiming: oneOf('authorised', 'always', 'never'),
  path,
  access: monitoringAccess,
  onFinding: func<(finding: QueryFinding) => unknown>(),
  clock: clockCheck,
};

/** @throws OptionError for unknown or wrong options */
export function resolveQueryOptions(
  given: Given<QueryOptions> | undefined,
): Readonly<QueryOptions> {
  return resolveOptions('query', QUERY_DEFAULTS, CHECKS, given);
}
