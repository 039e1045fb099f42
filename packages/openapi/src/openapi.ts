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
  OptionError,
  ProblemError,
  type Stats,
  type StepResult,
} from '@org/core';
import type { Application } from 'express';

import { docsAt } from './docs.ts';
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
  const docs = docsPath === false ? undefined : docsAt(docsPath, settings);
  const editions = new Editions(settings);
  const byPath = new Map(names.map((name) => [versionPath(documentPath, name), name]));
  const counts = { documents: 0, pages: 0, refused: 0 };

  const answerDocument = (exchange: Exchange, version: string | undefined): typeof HANDLED => {
    const { req } = exchange;
    const { body, etag } = editions.of(req.app as Application, version);
    counts.documents++;
    const headers = ['ETag', etag, 'Cache-Control', caching];
    if (isNotModified(req.headers['if-none-match'], undefined, etag, Number.NaN, 0)) {
      answerWhole(exchange, 304, headers, Buffer.alloc(0));
    } else {
      const length = String(body.length);
      const own = ['Content-Type', JSON_TYPE, 'Content-Length', length, ...headers];
      answerWhole(exchange, 200, own, body);
    }
    return HANDLED;
  };

  /** Lets those in who may, by a method that reads. */
  const admit = (exchange: Exchange, path: string): void => {
    const { req } = exchange;
    if (!mayRead(req)) {
      counts.refused++;
      throw closed();
    }
    exchange.route = `${req.baseUrl ?? ''}${path}`;
    if (req.method !== 'GET' && req.method !== 'HEAD') throw notAllowed();
  };

  const step = (exchange: Exchange): StepResult => {
    const { url } = exchange.req;
    if (!isOurs(url)) return undefined;
    const end = url.indexOf('?');
    const path = end === -1 ? url : url.slice(0, end);
    const query = end === -1 ? '' : url.slice(end);
    if (path === documentPath) {
      admit(exchange, path);
      return answerDocument(exchange, asked(query) ?? spoken(exchange) ?? newest);
    }
    const version = byPath.get(path);
    if (version !== undefined) {
      admit(exchange, path);
      return answerDocument(exchange, version);
    }
    const part = docs?.at(path);
    if (docs === undefined || part === undefined) return undefined;
    admit(exchange, part === 'file' ? `${String(docsPath)}/:file` : String(docsPath));
    if (part === 'file') return docs.answerFile(exchange, path);
    if (part === 'slash') return docs.answerSlash(exchange);
    counts.pages++;
    return docs.answerPage(exchange, asked(query) ?? newest);
  };

  /** Lets nearly every request go by after one or two comparisons. */
  const stem = documentPath.slice(0, -'.json'.length);
  const isOurs = (url: string): boolean =>
    url.startsWith(stem) || (docsPath !== false && url.startsWith(docsPath));

  /** The version in the query. @throws ProblemError for one that there is not */
  const asked = (query: string): string | undefined => {
    if (query === '' || names.length === 0) return undefined;
    const version = new URLSearchParams(query).get('version');
    if (version === null) return undefined;
    if (names.includes(version)) return version;
    throw unknownVersion(names);
  };

  /** The version that the request itself is served in. */
  const spoken = ({ version }: Exchange): string | undefined =>
    version !== undefined && names.includes(version) ? version : undefined;

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

function closed(): ProblemError {
  return new ProblemError({
    code: 'ERR_MONITORING_CLOSED',
    status: 403,
    detail: 'This route is open to loopback callers and to callers with the monitoring token.',
  });
}

function notAllowed(): ProblemError {
  return new ProblemError({
    code: 'ERR_METHOD_NOT_ALLOWED',
    status: 405,
    detail: 'Documents are read with GET or HEAD.',
    headers: { Allow: 'GET, HEAD' },
  });
}

function unknownVersion(names: readonly string[]): ProblemError {
  return new ProblemError({
    code: 'ERR_VERSION_UNKNOWN',
    status: 400,
    detail: `There is no document of this version; there are ${names.join(', ')}.`,
    extensions: { versions: names },
  });
}
