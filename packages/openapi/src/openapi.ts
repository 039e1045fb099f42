/**
 * The document of an API and the page that shows it, from the routes that the app has. It answers
 * where it is mounted, and sees the app through `req.app`: alone or under `setup` alike.
 */
import {
  answerWhole,
  defineMiddleware,
  type Exchange,
  type Given,
  HANDLED,
  isNotModified,
  type Middleware,
  monitoringGuard,
  monitoringPage,
  type MonitoringRoute,
  monitoringRoutes,
  OptionError,
  ProblemError,
  type Stats,
  type StepResult,
} from '@org/core';
import type { Application } from 'express';

import { docsRoutes, isDocs } from './docs.ts';
import { documentOf, type OpenapiDocument } from './document.ts';
import { type Drift, driftOf } from './drift.ts';
import { Editions } from './editions.ts';
import { mountedRoutes } from './mounted-routes.ts';
import { type OpenapiOptions, resolveOpenapiOptions } from './options.ts';
import { versionPath } from './page.ts';
import type { Version } from './version-list.ts';

/** The middleware that answers with the document, and what builds and tests ask. */
export interface Openapi extends Middleware {
  /**
   * The document of an app. @default version the newest
   * @throws OptionError for a version that there is not, and for what a document cannot say
   */
  document(app: Application, options?: { readonly version?: Version }): OpenapiDocument;
  /** Where app and document part. `document` is a published one. @default the one that the routes make */
  drift(app: Application, document?: Pick<OpenapiDocument, 'paths'>): Drift;
  stats(): Stats;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Makes the middleware.
 * @throws OptionError for options that it cannot work with, and where Swagger UI is not installed
 */
export function openapi(options?: Given<OpenapiOptions>): Openapi {
  const settings = resolveOpenapiOptions(options);
  const { names, documentPath, docsPath } = settings;
  const newest = names.at(-1);
  const mayRead = settings.public ? () => true : monitoringGuard(settings.access);
  const caching = settings.public ? 'no-cache' : 'private, no-cache';
  const editions = new Editions(settings);
  const counts = { documents: 0, pages: 0, refused: 0 };

  const answerDocument = (
    exchange: Exchange,
    version: string | undefined,
  ): object | typeof HANDLED => {
    const { req } = exchange;
    const { body, etag } = editions.of(req.app as Application, version);
    counts.documents++;
    const headers = { ETag: etag, 'Cache-Control': caching };
    if (!isNotModified(req.headers['if-none-match'], undefined, etag, Number.NaN, 0)) {
      return monitoringPage({ contentType: JSON_TYPE, body, headers });
    }
    answerWhole(exchange, 304, Object.entries(headers).flat(), Buffer.alloc(0));
    return HANDLED;
  };

  /** The version in the query. @throws ProblemError for one that there is not */
  const asked = (query: URLSearchParams): string | undefined => {
    const version = query.get('version');
    if (version === null || names.length === 0) return undefined;
    if (names.includes(version)) return version;
    throw unknownVersion(names);
  };

  /** The version that the request itself is served in. */
  const spoken = ({ version }: Exchange): string | undefined =>
    version !== undefined && names.includes(version) ? version : undefined;

  const answers: Record<string, MonitoringRoute> = {
    [documentPath]: {
      GET: ({ exchange, query }) =>
        answerDocument(exchange, asked(query) ?? spoken(exchange) ?? newest),
    },
  };
  for (const name of names) {
    answers[versionPath(documentPath, name)] = {
      GET: ({ exchange }) => answerDocument(exchange, name),
    };
  }
  if (docsPath !== false) {
    const versionOf = (query: URLSearchParams): string | undefined => {
      const version = asked(query) ?? newest;
      counts.pages++;
      return version;
    };
    Object.assign(answers, docsRoutes(docsPath, settings, versionOf));
  }
  const answer = monitoringRoutes(answers, (req) => {
    const may = mayRead(req);
    if (!may) counts.refused++;
    return may;
  });
  const stem = documentPath.slice(0, -'.json'.length);
  /** Lets nearly every request go by after one or two comparisons. */
  const step = (exchange: Exchange): StepResult => {
    const { url } = exchange.req;
    return url.startsWith(stem) || (docsPath !== false && isDocs(docsPath, url))
      ? answer(exchange)
      : undefined;
  };

  const middleware = defineMiddleware({
    name: 'openapi',
    phase: 'shape',
    priority: 90,
    after: ['versioning', 'transform', 'compression'],
    reason: 'a document is of one version, and is limited, logged and coded like any answer',
    step,
    stats: (): Stats => ({
      documentsTotal: counts.documents,
      pagesTotal: counts.pages,
      refusedTotal: counts.refused,
      madeTotal: editions.madeTotal,
    }),
  });

  return Object.assign(middleware, {
    document(app: Application, { version = newest }: { readonly version?: Version } = {}) {
      const name = version === undefined ? undefined : String(version);
      if (name !== undefined && !names.includes(name)) {
        throw new OptionError('openapi', [
          `there is no version ${name}; "versions" are [${names.join(', ')}].`,
        ]);
      }
      return documentOf(mountedRoutes(app), settings, name);
    },
    drift: (app: Application, document?: Pick<OpenapiDocument, 'paths'>) =>
      driftOf(mountedRoutes(app), settings, document),
  }) as Openapi;
}

function unknownVersion(names: readonly string[]): ProblemError {
  return new ProblemError({
    code: 'ERR_VERSION_UNKNOWN',
    status: 400,
    detail: `There is no document of this version; there are ${names.join(', ')}.`,
    extensions: { versions: names },
  });
}
