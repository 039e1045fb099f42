/**
 * Files that a build has coded already: `app.js.br` beside `app.js` is sent in its place to
 * those who accept it, at the price of sending a file. Express' own means send it, so that
 * ranges, conditions and what may be asked for are as they are for any file.
 */
import { extname, resolve } from 'node:path';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { contentType } from 'mime-types';
import { OptionError } from '@org/core';

import { Choices } from './accept-encoding.ts';
import type { Coding } from './options.ts';

/** What is beside a file, by what its name ends in. */
const ENDINGS: Readonly<Record<Exclude<Coding, 'deflate'>, string>> = Object.freeze({
  br: '.br',
  zstd: '.zst',
  gzip: '.gz',
});

/** How files are sent. */
export interface PrecompressedOptions {
  /** Codings that the build makes, in order of preference. @default ["br", "zstd", "gzip"] */
  readonly codings?: readonly (keyof typeof ENDINGS)[];
  /** Options of `express.static`, which sends what has no coded file. @default {} */
  readonly static?: Parameters<typeof express.static>[1];
}

/**
 * Serves a folder as `express.static` does, coded files first.
 * @throws OptionError for a coding that has no ending
 */
export function precompressed(root: string, options: PrecompressedOptions = {}): RequestHandler {
  const { codings = ['br', 'zstd', 'gzip'], static: given = {} } = options;
  const unknown = codings.filter((coding) => !Object.hasOwn(ENDINGS, coding));
  if (unknown.length > 0) {
    throw new OptionError('precompressed', [
      `option "codings" must be of ${Object.keys(ENDINGS).join(', ')}, but has ${unknown.join(', ')}.`,
    ]);
  }
  const folder = resolve(root);
  const { maxAge, immutable, lastModified, etag, cacheControl, index = 'index.html' } = given;
  const sending = withoutUndefined({ maxAge, immutable, lastModified, etag, cacheControl });
  const plain = express.static(folder, {
    ...given,
    setHeaders(res, path, stat) {
      res.vary('Accept-Encoding');
      given.setHeaders?.(res, path, stat);
    },
  });
  // Each client's wishes decide which of the codings are tried, in which order.
  const orders = codings.map((_coding, at) => new Choices(codings.slice(at)));

  return function sendPrecompressed(req: Request, res: Response, next): void {
    const path = req.method === 'GET' || req.method === 'HEAD' ? pathOf(req, index) : undefined;
    if (path === undefined) {
      plain(req, res, next);
      return;
    }
    attempt(0);

    function attempt(at: number): void {
      const coding = orders[at]?.of(req.headers['accept-encoding']).coding as
        | keyof typeof ENDINGS
        | undefined;
      if (coding === undefined || path === undefined) {
        plain(req, res, next);
        return;
      }
      const headers = {
        'Content-Encoding': coding,
        'Content-Type': contentType(extname(path)) || 'application/octet-stream',
        Vary: 'Accept-Encoding',
      };
      res.sendFile(path + ENDINGS[coding], { ...sending, root: folder, headers }, (error) => {
        const { status } = (error ?? {}) as { readonly status?: number };
        if (error === undefined) return;
        if (status === 404 && !res.headersSent) attempt(codings.indexOf(coding) + 1);
        // A client that has gone hears of nothing.
        else if (!res.headersSent && (error as { code?: string }).code !== 'ECONNABORTED')
          next(error);
      });
    }
  };
}

/** The file that a path names, as `express.static` finds it; nothing where that is its to refuse. */
function pathOf(req: Request, index: string | boolean | string[]): string | undefined {
  let path: string;
  try {
    path = decodeURIComponent(req.path);
  } catch {
    return undefined;
  }
  if (!path.endsWith('/')) return path;
  return typeof index === 'string' ? path + index : undefined;
}

function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
