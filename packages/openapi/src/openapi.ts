/**
 * The document of an API and the page that shows it, from the routes that the app has. It answers
 * where it is mounted, and sees the app through `req.app`: alone or under `setup` alike.
 */
import { createHash, randomBytes } from 'node:crypto';
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

import { documentOf, type OpenapiDocument } from './document.ts';
import { type Drift, driftOf } from './drift.ts';
import { interfaceFiles, interfaceFolder } from './interface-files.ts';
import { areSame, type MountedRoute, mountedRoutes } from './mounted-routes.ts';
import { type OpenapiOptions, resolveOpenapiOptions } from './options.ts';
import { originsOf, pageOf, pagePolicy, versionPath } from './page.ts';
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

/** A document as it is sent. */
interface Written {
  readonly body: Buffer;
  readonly etag: string;
}

/** What is written of one app. */
interface Edition {
  readonly routes: readonly MountedRoute[];
  readonly byVersion: Map<string | undefined, Written>;
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
  const files = docsPath === false ? undefined : interfaceFiles(interfaceFolder());
  const editions = new WeakMap<Application, Edition>();
  const counts = { documents: 0, pages: 0, refused: 0, made: 0 };

  const byPath = new Map(names.map((name) => [versionPath(documentPath, name), name]));

  /** The document as bytes, made anew when the routes have changed. */
  const written = (app: Application, version: string | undefined): Written => {
    const routes = mountedRoutes(app);
    let edition = editions.get(app);
    if (edition === undefined || !areSame(edition.routes, routes)) {
      edition = { routes, byVersion: new Map() };
      editions.set(app, edition);
    }
    let found = edition.byVersion.get(version);
    if (found === undefined) {
      counts.made++;
      const body = Buffer.from(JSON.stringify(documentOf(routes, settings, version)));
      const digest = createHash('sha256').update(body).digest('base64url').slice(0, 27);
      found = { body, etag: `"${digest}"` };
      edition.byVersion.set(version, found);
    }
    return found;
  };

  const answerDocument = (exchange: Exchange, version: string | undefined): void => {
    const { req } = exchange;
    const { body, etag } = written(req.app as Application, version);
    counts.documents++;
    const headers = ['ETag', etag, 'Cache-Control', caching];
    // RFC 9110 §15.4.5: a 304 has no body, and tells nothing of the one that it has not.
    if (isNotModified(req.headers['if-none-match'], undefined, etag, Number.NaN, 0)) {
      answerWhole(exchange, 304, headers, Buffer.alloc(0));
    } else {
      answerWhole(
        exchange,
        200,
        ['Content-Type', JSON_TYPE, 'Content-Length', String(body.length), ...headers],
        body,
      );
    }
  };

  const answerPage = async (exchange: Exchange, version: string | undefined): Promise<void> => {
    const nonce = randomBytes(16).toString('base64');
    const servers =
      typeof settings.servers === 'function' ? settings.servers(version) : settings.servers;
    const page = pageOf({
      title: settings.info.title,
      nonce,
      files: await files!(),
      docsPath: docsPath as string,
      documentPath,
      version,
      versions: names,
    });
    if (exchange.abandoned) return;
    counts.pages++;
    send(exchange, 'text/html; charset=utf-8', Buffer.from(page), [
      'Cache-Control',
      'no-store',
      'Content-Security-Policy',
      pagePolicy(nonce, originsOf(servers.map(({ url }) => url))),
      'Referrer-Policy',
      'no-referrer',
    ]);
  };

  /** A file of the page; nothing where there is none of that name. */
  const answerFile = async (exchange: Exchange, name: string): Promise<typeof HANDLED | void> => {
    const file = (await files!()).byName.get(name);
    if (file === undefined) return undefined;
    if (!exchange.abandoned) {
      send(exchange, file.type, file.body, [
        'Cache-Control',
        `${settings.public ? 'public' : 'private'}, max-age=31536000, immutable`,
      ]);
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
    const query = new URLSearchParams(end === -1 ? '' : url.slice(end));
    if (path === documentPath) {
      admit(exchange, documentPath);
      answerDocument(exchange, asked(query) ?? spoken(exchange) ?? newest);
      return HANDLED;
    }
    const version = byPath.get(path);
    if (version !== undefined) {
      admit(exchange, path);
      answerDocument(exchange, version);
      return HANDLED;
    }
    if (docsPath === false || !path.startsWith(docsPath)) return undefined;
    if (path === docsPath) {
      admit(exchange, docsPath);
      return answerPage(exchange, asked(query) ?? newest).then(() => HANDLED);
    }
    if (path === `${docsPath}/`) {
      admit(exchange, docsPath);
      // Its addresses are relative to the one without the slash.
      const { res } = exchange;
      res.statusCode = 308;
      res.setHeader('Location', `../${docsPath.slice(docsPath.lastIndexOf('/') + 1)}`);
      res.end();
      return HANDLED;
    }
    if (!FILE.test(path.slice(docsPath.length))) return undefined;
    admit(exchange, `${docsPath}/:file`);
    return answerFile(exchange, path.slice(docsPath.length + 1));
  };

  /** Lets nearly every request go by after one or two comparisons. */
  const stem = documentPath.slice(0, -'.json'.length);
  const isOurs = (url: string): boolean =>
    url.startsWith(stem) || (docsPath !== false && url.startsWith(docsPath));

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
      madeTotal: counts.made,
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

/** What a file below the page may be called. */
const FILE = /^\/[\w-]+\.[0-9a-f]{16}\.(?:js|css)$/;

function send(exchange: Exchange, type: string, body: Buffer, headers: readonly string[]): void {
  answerWhole(
    exchange,
    200,
    [
      'Content-Type',
      type,
      'Content-Length',
      String(body.length),
      'X-Content-Type-Options',
      'nosniff',
      ...headers,
    ],
    body,
  );
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
