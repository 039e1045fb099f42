/**
 * Files that a build has coded already: `app.js.br` beside `app.js` is sent in its place to
 * those who accept it, at the price of sending a file. `express.static` sends it, so that
 * ranges, conditions and what may be asked for are as they are for any file.
 */
import { extname, resolve } from 'node:path';
import { OptionError } from '@org/core';
import express, { type Request, type RequestHandler } from 'express';
import { contentType } from 'mime-types';

import { Choices } from './accept-encoding.ts';
import type { Coding } from './options.ts';

/** A coding that a file beside another may be in. */
type FileCoding = Exclude<Coding, 'deflate'>;

/** What the name of a coded file ends in. */
const ENDINGS: Readonly<Record<FileCoding, string>> = Object.freeze({
  br: '.br',
  zstd: '.zst',
  gzip: '.gz',
});

/** How files are sent. */
export interface PrecompressedOptions {
  /** Codings that the build makes, in order of preference. @default ["br", "zstd", "gzip"] */
  readonly codings?: readonly FileCoding[] | undefined;
  /** Options of `express.static`, for coded files and others alike. @default {} */
  readonly static?: Parameters<typeof express.static>[1];
}

/**
 * Serves a folder as `express.static` does, coded files first. Without an `Accept-Encoding`,
 * and where there is no coded file, the file itself is sent.
 * @throws OptionError for a coding that has no ending
 */
export function precompressed(root: string, options: PrecompressedOptions = {}): RequestHandler {
  const { static: given = {} } = options;
  const codings = [...new Set(options.codings ?? (Object.keys(ENDINGS) as FileCoding[]))];
  const unknown = codings.filter((coding) => !Object.hasOwn(ENDINGS, coding));
  if (unknown.length > 0) {
    throw new OptionError('precompressed', [
      `option "codings" must be of ${Object.keys(ENDINGS).join(', ')}, but has ${unknown.join(', ')}.`,
    ]);
  }
  const folder = resolve(root);
  const { index = 'index.html', etag = true } = given;
  const plain = express.static(folder, {
    ...given,
    setHeaders(res, path, stat) {
      res.vary('Accept-Encoding');
      given.setHeaders?.(res, path, stat);
    },
  });
  const senders = new Map(codings.map((coding) => [coding, senderOf(coding)]));
  // A client whose best coding is not there gets the best of those that are left: a choice for each set of them.
  const choices = Array.from(
    { length: 2 ** codings.length },
    (_, set) => new Choices(codings.filter((_coding, at) => (set & (1 << at)) !== 0)),
  );

  /** Sends files in one coding; goes on where there is none. */
  function senderOf(coding: FileCoding): RequestHandler {
    return express.static(folder, {
      ...given,
      // What a coded file does not answer is for the other ones.
      fallthrough: true,
      redirect: false,
      extensions: false,
      index: false,
      setHeaders(res, path, stat) {
        const type = contentType(extname(path.slice(0, -ENDINGS[coding].length)));
        res.setHeader('Content-Type', type === false ? 'application/octet-stream' : type);
        res.setHeader('Content-Encoding', coding);
        res.vary('Accept-Encoding');
        // Each coding is a representation of its own (RFC 9110 §8.8.3.3).
        if (etag) res.setHeader('ETag', tagOf(stat, coding));
        given.setHeaders?.(res, path, stat);
      },
    });
  }

  return function sendPrecompressed(req, res, next): void {
    const { url } = req;
    const path = codablePath(req, index);
    attempt(choices.length - 1);

    function attempt(left: number): void {
      const choice = choices[left]!.of(req.headers['accept-encoding']).coding;
      if (choice === undefined || path === undefined) {
        plain(req, res, next);
        return;
      }
      const coding = choice as FileCoding;
      req.url = path + ENDINGS[coding];
      senders.get(coding)!(req, res, (error?: unknown) => {
        req.url = url;
        if (error !== undefined) next(error);
        else attempt(left & ~(1 << codings.indexOf(coding)));
      });
      // It has read it.
      req.url = url;
    }
  };
}

/** The path of the file that a request is for, still coded for URLs; undefined where none can have another form. */
function codablePath(req: Request, index: unknown): string | undefined {
  if (req.method !== 'GET' && req.method !== 'HEAD') return undefined;
  // As `express.static` reads it: an ending that were part of a fragment would name the plain file.
  const { path } = req;
  if (!path.endsWith('/')) return path;
  // The place where it is mounted, without a slash: `express.static` sends the client to the one with.
  if (!req.originalUrl.split('?', 1)[0]!.endsWith('/')) return undefined;
  return typeof index === 'string' ? path + index : undefined;
}

function tagOf(
  { size, mtime }: { readonly size: number; readonly mtime: Date },
  coding: string,
): string {
  return `W/"${size.toString(16)}-${mtime.getTime().toString(16)}-${coding}"`;
}
