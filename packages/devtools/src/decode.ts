/**
 * What a body says that came coded: from a handler, or from a middleware that codes for itself. As
 * it came, nobody could read it, nor hide secrets of it.
 */
import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib';

import type { Bytes } from './bodies.ts';

/** How much longer than what is kept of it a text may grow (decompression bombs). */
const MAX_GROWTH = 16;

const { BROTLI_OPERATION_FLUSH, Z_SYNC_FLUSH } = constants;

/** Each of them takes a beginning, too. */
const DECODERS: ReadonlyMap<string, (bytes: Buffer, maxOutputLength: number) => Buffer> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  [
    'deflate',
    (bytes, maxOutputLength) => inflateSync(bytes, { finishFlush: Z_SYNC_FLUSH, maxOutputLength }),
  ],
  [
    'br',
    (bytes, maxOutputLength) =>
      brotliDecompressSync(bytes, { finishFlush: BROTLI_OPERATION_FLUSH, maxOutputLength }),
  ],
  ['identity', (bytes) => bytes],
]);

function gunzip(bytes: Buffer, maxOutputLength: number): Buffer {
  return gunzipSync(bytes, { finishFlush: Z_SYNC_FLUSH, maxOutputLength });
}

/** The identity bytes; none where the coding is not known, or what it holds is none or too long. */
export function decode({ bytes, totalBytes }: Bytes, coding: string, maxBytes: number): Bytes {
  const isCut = totalBytes > bytes.length;
  try {
    const decoded = DECODERS.get(coding)!(bytes, MAX_GROWTH * maxBytes + 1);
    return {
      bytes: decoded.subarray(0, maxBytes),
      totalBytes: isCut ? Math.max(totalBytes, decoded.length + 1) : decoded.length,
    };
  } catch {
    return { bytes: bytes.subarray(0, 0), totalBytes };
  }
}
