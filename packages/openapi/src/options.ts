/** The options of openapi, their defaults and their checks. */
import {
  boolean,
  type Check,
  type Checks,
  either,
  func,
  type Given,
  listOf,
  type MonitoringAccess,
  monitoringAccess,
  oneOf,
  OptionError,
  recordOf,
  resolveOptions,
  text,
} from '@org/core';

import { problemsCheck, securityCheck } from './description-checks.ts';
import type { ProblemType, SecurityRequirement } from './description.ts';
import type { Routes } from './route.ts';
import { orderVersions, type Version, type VersionChange, versionCheck } from './version-list.ts';

/** What the API is (OpenAPI 3.1.1 §4.8.2); members besides these are kept. */
export interface ApiInfo {
  readonly title: string;
  /** Of the API, not of OpenAPI. @default the version of the document, or "0.0.0" */
  readonly version?: string;
  readonly summary?: string;
  /** Markdown. */
  readonly description?: string;
  readonly [member: string]: unknown;
}

/** Where the API is (OpenAPI 3.1.1 §4.8.5). */
export interface ApiServer {
  readonly url: string;
  readonly description?: string;
  readonly [member: string]: unknown;
}

/** What openapi can be told. */
export interface OpenapiOptions {
  /** What the API is. @default { title: "API" } */
  readonly info: ApiInfo;
  /** Where it is, for all versions or by version. @default where the document is */
  readonly servers: readonly ApiServer[] | ((version: string | undefined) => readonly ApiServer[]);
  /** Tags with their descriptions, in the order in which they are shown; others follow. @default [] */
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  /** Security schemes by name (OpenAPI 3.1.1 §4.8.27). @default {} */
  readonly securitySchemes: Readonly<Record<string, object>>;
  /** What operations ask for unless they say otherwise. @default [] */
  readonly security: readonly SecurityRequirement[];
  /** What stands in front of every route may answer: statuses, or kinds of problem. @default [429, 500, 503] */
  readonly problems: readonly (number | ProblemType)[];
  /** Paths written by hand, for what `route()` does not describe, in the form of OpenAPI. @default {} */
  readonly paths: Readonly<Record<string, object>>;
  /** Every version that has a document. @default one document, without a version */
  readonly versions: readonly Version[];
  /** What changed between them, as `@org/versioning` is told. @default [] */
  readonly changes: readonly VersionChange[];
  /** The header in which clients ask for a version; `false`: they ask in another way. @default "API-Version" */
  readonly versionHeader: string | false;
  /** Where the document is. @default "/openapi.json" */
  readonly documentPath: string;
  /** Where the page is, or `false` for none. @default "/docs" */
  readonly docsPath: string | false;
  /** Whether everybody may read them. @default false */
  readonly public: boolean;
  /** Who may read them, in place of callers from loopback: a token, or a decision. @default none */
  readonly access: MonitoringAccess | undefined;
  /** Path patterns of mounted routes that need no description. @default [] */
  readonly undocumented: readonly string[];
  /** What has made routes: each of those must be mounted. @default [] */
  readonly routes: readonly Routes[];
}

export const OPENAPI_DEFAULTS: Readonly<OpenapiOptions> = Object.freeze<OpenapiOptions>({
  info: Object.freeze({ title: 'API' }),
  servers: Object.freeze([]),
  tags: Object.freeze([]),
  securitySchemes: Object.freeze({}),
  security: Object.freeze([]),
  problems: Object.freeze([429, 500, 503]),
  paths: Object.freeze({}),
  versions: Object.freeze([]),
  changes: Object.freeze([]),
  versionHeader: 'API-Version',
  documentPath: '/openapi.json',
  docsPath: '/docs',
  public: false,
  access: undefined,
  undocumented: Object.freeze([]),
  routes: Object.freeze([]),
});

function objectWith<T extends object>(expected: string, ...names: (keyof T & string)[]): Check<T> {
  return {
    expected,
    accepts: (value): value is T =>
      typeof value === 'object' &&
      value !== null &&
      names.every((name) => typeof (value as Record<string, unknown>)[name] === 'string'),
  };
}

const plainPath = (ending: string): Check<string> =>
  text({
    expected: `a path of plain segments, such as "/${ending}"`,
    pattern: ending.endsWith('.json') ? /^(?:\/[\w.~-]+)*\/[\w.~-]+\.json$/ : /^(?:\/[\w.~-]+)+$/,
  });

const CHECKS: Checks<OpenapiOptions> = Object.freeze<Checks<OpenapiOptions>>({
  info: objectWith<ApiInfo>('an object with a title', 'title'),
  servers: either(
    listOf(objectWith<ApiServer>('an object with a url', 'url')),
    func<(version: string | undefined) => readonly ApiServer[]>(),
  ),
  tags: listOf(objectWith<{ readonly name: string }>('an object with a name', 'name')),
  securitySchemes: recordOf(objectWith('a security scheme with a type', 'type' as never)),
  security: securityCheck,
  problems: problemsCheck,
  paths: recordOf(objectWith('a path item')),
  versions: listOf(versionCheck),
  changes: listOf(objectWith<VersionChange>('a change with a description', 'description')),
  versionHeader: either(
    text({ expected: 'a header name', pattern: /^[\w!#$%&'*+.^`|~-]+$/ }),
    oneOf(false),
  ),
  documentPath: plainPath('openapi.json'),
  docsPath: either(plainPath('docs'), oneOf(false)),
  public: boolean(),
  access: monitoringAccess,
  undocumented: listOf(text({ expected: 'a path pattern', pattern: /^\// })),
  routes: listOf<Routes>({
    expected: 'what routes() has made',
    accepts: (value): value is Routes => Array.isArray((value as Partial<Routes> | null)?.made),
  }),
});

/** Options that are checked, with the names of the versions, oldest first. */
export type OpenapiSettings = Readonly<OpenapiOptions> & { readonly names: readonly string[] };

/** @throws OptionError for unknown or wrong options */
export function resolveOpenapiOptions(options: Given<OpenapiOptions> | undefined): OpenapiSettings {
  const given = resolveOptions('openapi', OPENAPI_DEFAULTS, CHECKS, options);
  if (given.docsPath === given.documentPath) {
    throw new OptionError('openapi', [
      `options "documentPath" and "docsPath" are both ${given.documentPath}; give one another path.`,
    ]);
  }
  const known = new Set(Object.keys(given.securitySchemes));
  const strangers = given.security
    .flatMap((one) => (typeof one === 'string' ? [one] : Object.keys(one)))
    .filter((name) => !known.has(name));
  if (strangers.length > 0) {
    throw new OptionError('openapi', [
      `option "security" names ${strangers.join(', ')}, which "securitySchemes" does not have.`,
    ]);
  }
  return Object.freeze({ ...given, names: orderVersions(given.versions) });
}
