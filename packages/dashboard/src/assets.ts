/**
 * The files of the page: modules, style and charts, read from the package itself and from uPlot's.
 * Their address holds a digest of all of them, so that a browser may keep them for good.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Request, Response } from 'express';

/** The same from the sources as from the build: both lie in a folder of the package. */
const PAGE_FOLDER = new URL('../page/', import.meta.url);

const TYPES: Readonly<Record<string, string>> = Object.freeze({
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
});

/** One file, plain and compressed. */
export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  readonly gzip: Buffer;
}

/** All files of the page. */
export interface Assets {
  /** Changes with any of them. */
  readonly digest: string;
  /** By their name, such as `main.js`. */
  readonly files: ReadonlyMap<string, Asset>;
}

/** Reads them; some 200 kB, once. */
export function loadAssets(): Assets {
  const folder = fileURLToPath(PAGE_FOLDER);
  const charts = dirname(createRequire(import.meta.url).resolve('uplot'));
  const own = readdirSync(folder).filter((name) => extname(name) in TYPES);
  const bodies = new Map<string, Buffer>([
    ...own.map((name) => [name, readFileSync(join(folder, name))] as const),
    ['uplot.js', readFileSync(join(charts, 'uPlot.esm.js'))],
    ['uplot.css', readFileSync(join(charts, 'uPlot.min.css'))],
  ]);
  const hash = createHash('sha256');
  for (const [name, body] of bodies) hash.update(name).update(body);
  const files = [...bodies].map(
    ([name, body]) => [name, { type: TYPES[extname(name)]!, body, gzip: gzipSync(body) }] as const,
  );
  return { digest: hash.digest('base64url').slice(0, 16), files: new Map(files) };
}

/** A year, and no question whether the file is still the same (RFC 8246). */
const FOR_GOOD = 'private, max-age=31536000, immutable';

/** Answers with a file, compressed where the client takes that. */
export function sendAsset(req: Request, res: Response, { type, body, gzip }: Asset): undefined {
  const isCoded = req.acceptsEncodings('gzip') !== false;
  const sent = isCoded ? gzip : body;
  if (isCoded) res.setHeader('Content-Encoding', 'gzip');
  res.setHeader('Vary', 'Accept-Encoding');
  res.setHeader('Content-Type', type);
  res.setHeader('Cache-Control', FOR_GOOD);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Content-Length', sent.length);
  res.end(req.method === 'HEAD' ? undefined : sent);
}
