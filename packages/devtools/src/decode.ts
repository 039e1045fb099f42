/**
 * What a body says that came coded: from a handler, or from a middleware that codes for itself. As
 * it came, nobody could read it, nor hide secrets of it.
 */
import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib';
import { hasCode } from '@org/core';

import type { Bytes } from './bodies.ts';

/** How many bytes a text may have beyond what is kept of it, before less is decoded (decompression bombs). */
const MAX_MORE_BYTES = 64 * 1024;

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

/** The identity bytes, or their beginning; none where the coding is not known, or the body is not of it. */
export function decode({ bytes, totalBytes }: Bytes, coding: string, maxBytes: number): Bytes {
  // Of a text that is too long, less is decoded, until its beginning is not.
  for (let length = bytes.length; length > 0; length >>= 2) {
    try {
      const decoded = DECODERS.get(coding)!(bytes.subarray(0, length), maxBytes + MAX_MORE_BYTES);
      const isWhole = length === totalBytes;
      return {
        bytes: decoded.subarray(0, maxBytes),
        totalBytes: isWhole ? decoded.length : Math.max(totalBytes, decoded.length + 1),
      };
    } catch (error) {
      if (!hasCode(error, 'ERR_BUFFER_TOO_LARGE')) break;
    }
  }
  return { bytes: bytes.subarray(0, 0), totalBytes };
}
