/**
 * zlib's settings by size and load. Levels: what a byte saved costs rises steeply with
 * them; the figures behind the choice are in the bench. Windows and tables no larger than
 * a body can use: to clear them is most of what a small body costs.
 */
import * as zlib from 'node:zlib';

import type { ZstdOptions } from './options.ts';

/** What settings are for. */
export type Shape =
  | {
      readonly kind: 'whole';
      /** The size, as a power of 2, rounded up. */
      readonly sizeLog: number;
      readonly light: boolean;
      /** Flushed to a whole byte, and not ended. */
      readonly unfinished: boolean;
    }
  | {
      /** `live`: given out write by write. */
      readonly kind: 'stream' | 'live';
      readonly sizeBytes: number | undefined;
      readonly light: boolean;
    };

export type Settings = object;

/** From this size on, a level lower: 256 KiB. */
const LARGE_LOG = 18;
/** Output comes in pieces of this size at most, in bytes, as a power of 2. */
const MAX_CHUNK_LOG = 17;
/** What an encoder of a stream looks back: as far as a window that is held for long may cost. */
const STREAM_WINDOW_LOG = 18;
const LIVE_WINDOW_LOG = 12;

const { constants } = zlib;
const zstdConstants = constants as unknown as Readonly<Record<string, number>>;

export function gzipSettings(given: Readonly<zlib.ZlibOptions>, shape: Shape): Settings {
  if (shape.kind === 'whole') {
    const { sizeLog, light } = shape;
    return {
      level: light ? 1 : sizeLog > LARGE_LOG ? 4 : 6,
      windowBits: Math.min(15, sizeLog),
      memLevel: Math.min(8, Math.max(5, sizeLog - 5)),
      chunkSize: chunkSize(sizeLog),
      ...given,
    };
  }
  const live = shape.kind === 'live';
  return {
    level: shape.light ? 1 : 6,
    ...(live ? { windowBits: LIVE_WINDOW_LOG, memLevel: 5, flush: constants.Z_SYNC_FLUSH } : {}),
    ...given,
  };
}

export function brotliSettings(given: Readonly<zlib.BrotliOptions>, shape: Shape): Settings {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  if (shape.kind === 'whole') {
    const { sizeLog, light, unfinished } = shape;
    return {
      chunkSize: chunkSize(sizeLog),
      ...given,
      ...(unfinished ? { finishFlush: constants.BROTLI_OPERATION_FLUSH } : {}),
      params: {
        [BROTLI_PARAM_QUALITY]: light ? 2 : sizeLog > LARGE_LOG ? 3 : 4,
        [BROTLI_PARAM_LGWIN]: Math.min(22, Math.max(16, sizeLog)),
        [BROTLI_PARAM_SIZE_HINT]: 2 ** sizeLog,
        ...given.params,
      },
    };
  }
  const live = shape.kind === 'live';
  return {
    ...(live ? { flush: constants.BROTLI_OPERATION_FLUSH } : {}),
    ...given,
    params: {
      [BROTLI_PARAM_QUALITY]: shape.light ? 2 : 4,
      [BROTLI_PARAM_LGWIN]: live ? LIVE_WINDOW_LOG : STREAM_WINDOW_LOG,
      ...(shape.sizeBytes === undefined ? {} : { [BROTLI_PARAM_SIZE_HINT]: shape.sizeBytes }),
      ...given.params,
    },
  };
}

export function zstdSettings(given: Readonly<ZstdOptions>, shape: Shape): Settings {
  const level = zstdConstants['ZSTD_c_compressionLevel']!;
  const windowLog = zstdConstants['ZSTD_c_windowLog']!;
  if (shape.kind === 'whole') {
    return {
      chunkSize: chunkSize(shape.sizeLog),
      ...given,
      params: { [level]: shape.light ? 1 : 3, ...given.params },
    };
  }
  const live = shape.kind === 'live';
  return {
    ...(live ? { flush: zstdConstants['ZSTD_e_flush']! } : {}),
    ...given,
    params: {
      [level]: shape.light ? 1 : 3,
      [windowLog]: live ? LIVE_WINDOW_LOG : STREAM_WINDOW_LOG,
      ...given.params,
    },
  };
}

function chunkSize(sizeLog: number): number {
  return 2 ** Math.min(MAX_CHUNK_LOG, sizeLog);
}
