/** The options of versioning, their defaults and their checks. */
import {
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  CREDENTIAL_DEFAULTS,
  either,
  type Exchange,
  func,
  type Given,
  integer,
  listOf,
  type MaybePromise,
  oneOf,
  OptionError,
  recordOf,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';

import type { Change } from './change.ts';
import type { Deprecation } from './deprecation.ts';
import type { OnVersioningEvent } from './events.ts';
import { type Version, versionCheck } from './version-list.ts';

/** Where a request may say which version it wants. */
export type VersionSource = 'path' | 'header' | 'query' | 'media-type';

/** Knows the version of a caller; nothing where there is none. */
export type Pin = (exchange: Exchange) => MaybePromise<Version | undefined>;

/** What versioning can be told. */
export interface VersioningOptions {
  /** Every version that is served: all dates, or all whole numbers. Handlers speak the newest. Required. */
  readonly versions: readonly Version[];
  /** What changed from version to version. @default [] */
  readonly changes: readonly Change[];
  /** Where a request may say what it wants, in the order in which they are asked. @default ["path", "header", "query", "media-type"] */
  readonly sources: readonly VersionSource[];
  /**
   * What a request gets that does not say: `"oldest"`, so that nobody who never asked is broken by a
   * new one; `"latest"`; or a version. @default "oldest"
   */
  readonly default: Version;
  /**
   * The version of a caller who does not say, such as the one that was newest when its API key was
   * made; before `default`. What it throws, or rejects with, goes to the error handlers. @default none
   */
  readonly pin: Pin | undefined;
  /** Request headers by which `pin` knows the caller: answers vary by them. @default ["Authorization", "X-API-Key"] */
  readonly pinHeaders: readonly string[];
  /** Whether a date, or number, between two versions means the one before it. @default "exact" */
  readonly match: 'exact' | 'floor';
  /** The request header that is a source. @default "API-Version" */
  readonly headerName: string;
  /** The response header that tells which version was served; `false`: none does. @default as `headerName` */
  readonly responseHeaderName: string | false | undefined;
  /** The query parameter that is a source. @default "api-version" */
  readonly queryName: string;
  /** What stands before the version in a path: with `/api` it is `/api/v2/cities`. @default "" */
  readonly pathPrefix: string;
  /** The parameter of a media type that is a source, in lower case. @default "version" */
  readonly mediaTypeParameter: string;
  /** The vendor whose types name a version: of `acme`, `application/vnd.acme.v2+json`. @default none */
  readonly vendor: string | undefined;
  /** Versions that end, by name. @default {} */
  readonly deprecated: Readonly<Record<string, Deprecation>>;
  /** What a version gets after its sunset: it is served, or refused with 410. @default "serve" */
  readonly afterSunset: 'serve' | 'gone';
  /** Whose requests are counted by consumer: those of deprecated versions, of all, or none. @default "deprecated" */
  readonly countConsumers: 'deprecated' | 'all' | 'none';
  /** Names a consumer in `usage()`, in the clear. @default the principal, or a hash of the credentials */
  readonly consumer: ((exchange: Exchange) => string | undefined) | undefined;
  /** Request headers that carry credentials, besides `Authorization` and `Cookie`. @default ["x-api-key", "api-key", "x-auth-token", "x-access-token"] */
  readonly credentialHeaders: readonly string[];
  /** The most consumers that are counted for each version; past it the less busy half makes room. @default 1000 */
  readonly maxConsumers: number;
  /** Told of every answer of a deprecated version, and of every refusal. What it throws is reported. @default nobody */
  readonly onEvent: OnVersioningEvent | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

export const VERSIONING_DEFAULTS: Readonly<VersioningOptions> = Object.freeze<VersioningOptions>({
  versions: Object.freeze([]),
  changes: Object.freeze([]),
  sources: Object.freeze<VersionSource[]>(['path', 'header', 'query', 'media-type']),
  default: 'oldest',
  pin: undefined,
  pinHeaders: Object.freeze(['Authorization', 'X-API-Key']),
  match: 'exact',
  headerName: 'API-Version',
  responseHeaderName: undefined,
  queryName: 'api-version',
  pathPrefix: '',
  mediaTypeParameter: 'version',
  vendor: undefined,
  deprecated: Object.freeze({}),
  afterSunset: 'serve',
  countConsumers: 'deprecated',
  consumer: undefined,
  credentialHeaders: CREDENTIAL_DEFAULTS.credentialHeaders,
  maxConsumers: 1000,
  onEvent: undefined,
  clock: systemClock,
});

// RFC 9110 §5.1: a field name is a token.
const fieldName = text({ expected: 'a header name', pattern: /^[\w!#$%&'*+.^`|~-]+$/ });

function objects<T>(expected: string): Check<T> {
  return {
    expected,
    accepts: (value): value is T => typeof value === 'object' && value !== null,
  };
}

const sources: Check<readonly VersionSource[]> = {
  expected: 'a list of "path", "header", "query" and "media-type", each at most once',
  accepts: (value): value is readonly VersionSource[] =>
    listOf(oneOf('path', 'header', 'query', 'media-type')).accepts(value) &&
    new Set(value).size === value.length,
};

const CHECKS: Checks<VersioningOptions> = Object.freeze<Checks<VersioningOptions>>({
  versions: listOf(versionCheck),
  changes: listOf(objects<Change>('a change, as defineChange makes it')),
  sources,
  default: versionCheck,
  pin: func<Pin>(),
  pinHeaders: listOf(fieldName),
  match: oneOf('exact', 'floor'),
  headerName: fieldName,
  responseHeaderName: either(fieldName, oneOf(false)),
  queryName: text({ expected: 'a name that needs no coding in a query', pattern: /^[\w.~-]+$/ }),
  pathPrefix: text({ expected: 'a path such as "/api", or nothing', pattern: /^(?:\/[\w.~-]+)*$/ }),
  mediaTypeParameter: text({ expected: 'a name in lower case', pattern: /^[a-z][a-z0-9_-]*$/ }),
  vendor: text({ expected: 'a name in lower case', pattern: /^[a-z][a-z0-9_.-]*$/ }),
  deprecated: recordOf(objects<Deprecation>('a deprecation')),
  afterSunset: oneOf('serve', 'gone'),
  countConsumers: oneOf('deprecated', 'all', 'none'),
  consumer: func<(exchange: Exchange) => string | undefined>(),
  credentialHeaders: listOf(fieldName),
  maxConsumers: integer({ min: 0 }),
  onEvent: func<OnVersioningEvent>(),
  clock: clockCheck,
});

/** @throws OptionError for unknown, missing or wrong options */
export function resolveVersioningOptions(
  options: Given<VersioningOptions>,
): Readonly<VersioningOptions> {
  const resolved = resolveOptions('versioning', VERSIONING_DEFAULTS, CHECKS, options);
  if (resolved.versions.length === 0) {
    throw new OptionError('versioning', [
      'option "versions" is needed: every version that is served, such as ["2026-01-01", "2026-11-01"].',
    ]);
  }
  return resolved;
}
