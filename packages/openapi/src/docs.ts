/** What is answered at the page's address and below it. */
import { randomBytes } from 'node:crypto';
import { answerWhole, type Exchange, HANDLED } from '@org/core';

import { interfaceFiles, interfaceFolder } from './interface-files.ts';
import type { OpenapiSettings } from './options.ts';
import { originsOf, pageOf, pagePolicy } from './page.ts';

/** What a file below the page may be called. */
const FILE = /^\/[\w-]+\.[0-9a-f]{16}\.(?:js|css)$/;

/** The page, its files, and the way back to it. */
export interface Docs {
  /** What a path asks for; nothing where it is not one of the page's. */
  at(path: string): 'page' | 'slash' | 'file' | undefined;
  answerPage(exchange: Exchange, version: string | undefined): Promise<typeof HANDLED>;
  /** Sends a client that asks with a slash at the end to the page: addresses there are relative. */
  answerSlash(exchange: Exchange): typeof HANDLED;
  /** Answers nothing where there is no file of that name. */
  answerFile(exchange: Exchange, path: string): Promise<typeof HANDLED | void>;
}

/** @throws OptionError where Swagger UI is not installed */
export function docsAt(docsPath: string, settings: OpenapiSettings): Docs {
  const files = interfaceFiles(interfaceFolder());
  const keeping = `${settings.public ? 'public' : 'private'}, max-age=31536000, immutable`;

  return {
    at(path) {
      if (!path.startsWith(docsPath)) return undefined;
      const below = path.slice(docsPath.length);
      if (below === '') return 'page';
      if (below === '/') return 'slash';
      return FILE.test(below) ? 'file' : undefined;
    },
    async answerPage(exchange, version) {
      const nonce = randomBytes(16).toString('base64');
      const { servers, info, documentPath, names } = settings;
      const urls = (typeof servers === 'function' ? servers(version) : servers).map(
        ({ url }) => url,
      );
      const page = pageOf({
        title: info.title,
        nonce,
        files: await files(),
        docsPath,
        documentPath,
        version,
        versions: names,
      });
      return send(exchange, 'text/html; charset=utf-8', Buffer.from(page), [
        ['Cache-Control', 'no-store'],
        ['Content-Security-Policy', pagePolicy(nonce, originsOf(urls))],
        ['Referrer-Policy', 'no-referrer'],
      ]);
    },
    answerSlash({ res }) {
      res.statusCode = 308;
      res.setHeader('Location', `../${docsPath.slice(docsPath.lastIndexOf('/') + 1)}`);
      res.end();
      return HANDLED;
    },
    async answerFile(exchange, path) {
      const file = (await files()).byName.get(path.slice(docsPath.length + 1));
      if (file === undefined) return undefined;
      return send(exchange, file.type, file.body, [['Cache-Control', keeping]]);
    },
  };
}

function send(
  exchange: Exchange,
  type: string,
  body: Buffer,
  headers: readonly (readonly [string, string])[],
): typeof HANDLED {
  // Somebody may have answered while files were read, such as a deadline.
  if (exchange.abandoned) return HANDLED;
  const all = [
    ['Content-Type', type],
    ['Content-Length', String(body.length)],
    ['X-Content-Type-Options', 'nosniff'],
    ...headers,
  ];
  answerWhole(exchange, 200, all.flat(), body);
  return HANDLED;
}
