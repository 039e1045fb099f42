/** What is answered at the page's address and below it. */
import { randomBytes } from 'node:crypto';
import { HANDLED, monitoringPage, type MonitoringRoute, ProblemError } from '@org/core';

import { interfaceFiles, interfaceFolder } from './interface-files.ts';
import type { OpenapiSettings } from './options.ts';
import { originsOf, pageOf, pagePolicy } from './page.ts';

/** Behind the page's address: nothing, a slash, or what a file of the page may be called. */
const BELOW = /^(?:\/(?:[\w-]+\.[0-9a-f]{16}\.(?:js|css))?)?(?:\?|$)/;

/** Whether the page, a file of it, or the way back to it is asked for. */
export function isDocs(docsPath: string, url: string): boolean {
  return url.startsWith(docsPath) && BELOW.test(url.slice(docsPath.length));
}

/**
 * The page, its files, and the way back to it.
 * @param versionOf which version a query of the page asks for
 * @throws OptionError where Swagger UI is not installed
 */
export function docsRoutes(
  docsPath: string,
  settings: OpenapiSettings,
  versionOf: (query: URLSearchParams) => string | undefined,
): Readonly<Record<string, MonitoringRoute>> {
  const files = interfaceFiles(interfaceFolder());
  const keeping = `${settings.public ? 'public' : 'private'}, max-age=31536000, immutable`;
  const { servers, info, documentPath, names } = settings;

  const page: MonitoringRoute = {
    async GET({ query }) {
      const version = versionOf(query);
      const nonce = randomBytes(16).toString('base64');
      const urls = (typeof servers === 'function' ? servers(version) : servers).map(
        ({ url }) => url,
      );
      const body = pageOf({
        title: info.title,
        nonce,
        files: await files(),
        docsPath,
        documentPath,
        version,
        versions: names,
      });
      const headers = {
        'Content-Security-Policy': pagePolicy(nonce, originsOf(urls)),
        'Referrer-Policy': 'no-referrer',
      };
      return monitoringPage({ contentType: 'text/html; charset=utf-8', body, headers });
    },
  };
  // Addresses on the page are relative to its own, without a slash at its end.
  const slash: MonitoringRoute = {
    GET({ exchange: { res }, query }) {
      const search = query.size === 0 ? '' : `?${query.toString()}`;
      res.statusCode = 308;
      res.setHeader('Location', `../${docsPath.slice(docsPath.lastIndexOf('/') + 1)}${search}`);
      res.end();
      return HANDLED;
    },
  };
  const file: MonitoringRoute = {
    async GET({ params: { name } }) {
      const found = (await files()).byName.get(name!);
      if (found === undefined) throw noFile();
      const { type, body } = found;
      return monitoringPage({ contentType: type, body, headers: { 'Cache-Control': keeping } });
    },
  };
  return { [docsPath]: page, [`${docsPath}/`]: slash, [`${docsPath}/:name`]: file };
}

/** Such as a file of another release, for a page that was open when this one came. */
function noFile(): ProblemError {
  return new ProblemError({
    code: 'ERR_NOT_FOUND',
    status: 404,
    detail: 'The page has no such file; load it again.',
  });
}
