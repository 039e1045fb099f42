/**
 * Express' own entity tags, made faster where the runtime can hash in one call: the same text, so
 * that nobody's stored tag changes. Who has set the app's `etag` otherwise keeps that.
 */
import * as crypto from 'node:crypto';
import type { Express } from 'express';

/** A setting of Express that `etag` is compiled to. */
const COMPILED = 'etag fn';
const SHA1_LENGTH = 27;

type EntityTag = (body: string | Buffer, encoding?: BufferEncoding) => string;

/** `crypto.hash`, of Node 20.12 and later. */
type Hash = (algorithm: string, data: Buffer, encoding: 'base64') => string;

/** Has `app` tag its answers by the faster way, where its own is Express' default and the two agree. */
export function tagFaster(app: Express): void {
  const { hash } = crypto as { readonly hash?: Hash };
  const own = app.get(COMPILED) as EntityTag | undefined;
  if (hash === undefined || app.get('etag') !== 'weak' || typeof own !== 'function') return;
  const fast: EntityTag = (body, encoding) => {
    const bytes = typeof body === 'string' ? Buffer.from(body, encoding) : body;
    if (!Buffer.isBuffer(bytes) || bytes.length === 0) return own(body, encoding);
    const digest = hash('sha1', bytes, 'base64').slice(0, SHA1_LENGTH);
    return `W/"${bytes.length.toString(16)}-${digest}"`;
  };
  if (fast(PROBE) === own(PROBE)) app.set(COMPILED, fast);
}

const PROBE: Buffer = Buffer.from('The same tag, or none of ours.');
