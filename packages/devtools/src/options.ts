/** The options of the tools, their defaults and their checks. */
import {
  boolean,
  bytes,
  type Checks,
  type Clock,
  clockCheck,
  durationMs,
  either,
  type Given,
  integer,
  listOf,
  type MonitoringAccess,
  monitoringAccess,
  OptionError,
  recordOf,
  resolveOptions,
  shape,
  systemClock,
  text,
} from '@org/core';

import type { FaultRule } from './fault-rules.ts';
import type { MockSchema } from './mocks.ts';

/** What the tools keep, break and make up. */
export interface DevtoolsOptions {
  /** Where the page is; everything else is below it. @default "/devtools" */
  readonly path: string;
  /** Who is let in, in place of loopback: a token, or a decision of yours. @default loopback alone */
  readonly access: MonitoringAccess | undefined;
  /** Lets the tools be made where NODE_ENV is "production". They keep bodies and break answers: only for a copy that nobody uses. @default false */
  readonly allowInProduction: boolean;
  /** How many exchanges are kept; the oldest go first. @default 200 */
  readonly maxExchanges: number;
  /** How much is kept of all of them together, in bytes. @default 16 MiB */
  readonly maxKeptBytes: number;
  /** How much of a body is kept, in bytes. @default 64 KiB */
  readonly maxBodyBytes: number;
  /** Names of headers and fields, besides the usual ones, whose values are never kept; `*` in front takes every name with that ending. @default [] */
  readonly redact: readonly string[];
  /** Headers that replays do not compare, besides those of the moment. @default [] */
  readonly ignoreHeaders: readonly string[];
  /** JSON Pointers (RFC 6901) of members that replays do not compare; `*` stands for any name or index. @default [] */
  readonly volatile: readonly string[];
  /** How long a replay may take, in ms. @default 30_000 */
  readonly replayTimeoutMs: number;
  /** Keeps exchanges for the next process, to replay them after a change of code: in a file of this working directory's among the temporary ones, or in one of yours. @default false */
  readonly persist: boolean | string;
  /** From how many runs of one statement in a request on it is shown as repeated. @default 5 */
  readonly repeatedStatements: number;
  /** What faults and mock answers are drawn from. @default 1 */
  readonly seed: number;
  /** What goes wrong on purpose; the first rule that strikes counts. @default [] */
  readonly faults: readonly FaultRule[];
  /** Schemas of answers by route, `GET /api/hotels/:id`: JSON Schema 2020-12, or zod. A route that has a handler is left to it. @default {} */
  readonly mocks: Readonly<Record<string, MockSchema>>;
  /** How many pages may be open at once. @default 8 */
  readonly maxTabs: number;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock;
}

export const DEVTOOLS_DEFAULTS: Readonly<DevtoolsOptions> = Object.freeze<DevtoolsOptions>({
  path: '/devtools',
  access: undefined,
  allowInProduction: false,
  maxExchanges: 200,
  maxKeptBytes: 16 * 1024 * 1024,
  maxBodyBytes: 64 * 1024,
  redact: Object.freeze([]),
  ignoreHeaders: Object.freeze([]),
  volatile: Object.freeze([]),
  replayTimeoutMs: 30_000,
  persist: false,
  repeatedStatements: 5,
  seed: 1,
  faults: Object.freeze([]),
  mocks: Object.freeze({}),
  maxTabs: 8,
  clock: systemClock,
});

const CHECKS: Checks<DevtoolsOptions> = {
  path: text({
    expected: 'a path without a slash at its end, such as "/devtools"',
    pattern: /^(?:\/[\w.~-]+)+$/,
  }),
  access: monitoringAccess,
  allowInProduction: boolean(),
  maxExchanges: integer({ min: 1, max: 10_000 }),
  maxKeptBytes: bytes({ min: 1024 }),
  maxBodyBytes: bytes({ max: 16 * 1024 * 1024 }),
  redact: listOf(text({ expected: 'a name', pattern: /^\*?[\p{L}\p{N}_-]+$/u })),
  // RFC 9110 §5.1: a field name is a token.
  ignoreHeaders: listOf(text({ expected: 'a header name', pattern: /^[\w!#$%&'*+.^`|~-]+$/ })),
  volatile: listOf(text({ expected: 'a JSON Pointer such as "/items/*/rank"', pattern: /^\// })),
  replayTimeoutMs: durationMs({ min: 1 }),
  persist: either(boolean(), text({ expected: "a file's path", pattern: /[^/\\]$/ })),
  repeatedStatements: integer({ min: 2 }),
  seed: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  faults: listOf(shape<FaultRule>('a rule with a fault', [])),
  mocks: recordOf<MockSchema>({
    expected: 'a JSON Schema, or something with toJSONSchema()',
    accepts: (value): value is MockSchema =>
      typeof value === 'boolean' || (typeof value === 'object' && value !== null),
  }),
  maxTabs: integer({ min: 1, max: 100 }),
  clock: clockCheck,
};

/** However somebody has written it. */
const PRODUCTION = /^\s*prod(?:uction)?\s*$/i;

/** @throws OptionError for unknown or wrong options, and where the tools have no business */
export function resolveDevtoolsOptions(
  options: Given<DevtoolsOptions> | undefined,
): Readonly<DevtoolsOptions> {
  const settings = resolveOptions('devtools', DEVTOOLS_DEFAULTS, CHECKS, options);
  const environment = process.env['NODE_ENV'] ?? '';
  if (PRODUCTION.test(environment) && !settings.allowInProduction) {
    throw new OptionError('devtools', [
      `NODE_ENV is ${JSON.stringify(environment)}, and these tools keep the bodies of requests and break answers on purpose. Leave them out there, or say "allowInProduction: true" for a copy that nobody uses.`,
    ]);
  }
  return settings;
}
