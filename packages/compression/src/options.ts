/** What may be said about compression, with defaults and checks. */
import * as zlib from 'node:zlib';
import {
  boolean,
  bytes,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  CREDENTIAL_DEFAULTS,
  func,
  type Given,
  integer,
  listOf,
  oneOf,
  OptionError,
  ratio,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';
import type { Request, Response } from 'express';

import type { OnCompressionEvent } from './events.ts';
import { secureRandom } from './padding.ts';

/** A content coding (RFC 9110 §8.4.1) that answers can be sent in. */
export type Coding = 'zstd' | 'br' | 'gzip' | 'deflate';

/** Whether an answer is worth coding; it may look at the headers that are set. */
export type Filter = (req: Request, res: Response) => boolean;

/** Zstandard's settings, which are younger than the types of the oldest Node that is supported. */
export interface ZstdOptions {
  readonly params?: Readonly<Record<number, number>>;
}

/** Options of `compression`. */
export interface CompressionOptions {
  /** Codings on offer, in order of preference among what a client likes equally; those that the runtime lacks are left out. @default ["zstd", "br", "gzip", "deflate"] */
  readonly codings: readonly Coding[];
  /** Smaller bodies are not coded, in bytes. @default 1024 */
  readonly thresholdBytes: number;
  /** Whether a whole body that coding would not make smaller is sent as it is. @default true */
  readonly onlyIfSmaller: boolean;
  /** Which answers are coded at all. @default by media type, as `compression.filter` */
  readonly filter: Filter | undefined;
  /** The coding for requests that state no `Accept-Encoding`. @default none */
  readonly enforceEncoding: Coding | undefined;
  /** zlib's own options for gzip and deflate. What they leave open is chosen by size and load. @default {} */
  readonly gzip: Readonly<zlib.ZlibOptions>;
  /** zlib's own options for brotli, as above. @default {} */
  readonly brotli: Readonly<zlib.BrotliOptions>;
  /** zlib's own options for zstd, as above. @default {} */
  readonly zstd: ZstdOptions;
  /** Bodies up to this size are coded in one synchronous call, larger ones in the thread pool, in bytes. @default 16_384 */
  readonly syncMaxBytes: number;
  /** Bodies in the thread pool at once; further ones are sent as they are. @default 8 */
  readonly maxConcurrent: number;
  /** Streams that are coded at once; further ones are sent as they are. @default 1000 */
  readonly maxStreams: number;
  /** From this utilisation of the event loop on, everything is coded at the cheapest level. @default 0.8 */
  readonly busyRatio: number;
  /** How busy the process is, from 0 to 1; asked at most four times a second. @default the utilisation of the event loop */
  readonly load: (() => number) | undefined;
  /** Whether routes whose answers hardly shrink are left alone. @default true */
  readonly learn: boolean;
  /** What is done against BREACH where an answer may hold a secret: nothing; random padding, of brotli and gzip, the only ones on offer then; or no coding of what reflects the request. @default "off" */
  readonly breach: 'off' | 'pad' | 'skip-reflected';
  /** The longest padding, in bytes. @default 64 */
  readonly padMaxBytes: number;
  /** Request headers that carry credentials, besides `Authorization` and `Cookie`; for `breach`. @default ["x-api-key", "api-key", "x-auth-token", "x-access-token"] */
  readonly credentialHeaders: readonly string[];
  /** Cookies that identify nobody; `_ga*` is a prefix; for `breach`. @default [] */
  readonly harmlessCookies: readonly string[];
  /** Told of every answer that was coded, or was not and why. @default nobody */
  readonly onEvent: OnCompressionEvent | undefined;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
  /** Source of randomness for the padding, from 0 to below 1. @default a cryptographic one */
  readonly random: () => number;
}

export const COMPRESSION_DEFAULTS: Readonly<CompressionOptions> = Object.freeze<CompressionOptions>(
  {
    codings: Object.freeze<Coding[]>(['zstd', 'br', 'gzip', 'deflate']),
    thresholdBytes: 1024,
    onlyIfSmaller: true,
    filter: undefined,
    enforceEncoding: undefined,
    gzip: Object.freeze({}),
    brotli: Object.freeze({}),
    zstd: Object.freeze({}),
    syncMaxBytes: 16_384,
    maxConcurrent: 8,
    maxStreams: 1000,
    busyRatio: 0.8,
    load: undefined,
    learn: true,
    breach: 'off',
    padMaxBytes: 64,
    ...CREDENTIAL_DEFAULTS,
    onEvent: undefined,
    clock: systemClock,
    random: secureRandom,
  },
);

const FIELD_NAME: Check<string> = text({
  // RFC 9110 §5.1: a field name is a token.
  expected: 'a header name',
  pattern: /^[\w!#$%&'*+.^`|~-]+$/,
});
const coding: Check<Coding> = oneOf('zstd', 'br', 'gzip', 'deflate');

const CHECKS: Checks<CompressionOptions> = Object.freeze<Checks<CompressionOptions>>({
  codings: listOf(coding),
  thresholdBytes: bytes(),
  onlyIfSmaller: boolean(),
  filter: func<Filter>(),
  enforceEncoding: coding,
  gzip: zlibOptions((options) => zlib.createGzip(options as zlib.ZlibOptions)),
  brotli: zlibOptions((options) => zlib.createBrotliCompress(options as zlib.BrotliOptions)),
  zstd: zlibOptions((options) => createZstd?.(options)),
  syncMaxBytes: bytes({ max: 1024 * 1024 }),
  maxConcurrent: integer({ min: 1, max: 1000 }),
  maxStreams: integer({ min: 0, max: 1_000_000 }),
  busyRatio: ratio(),
  load: func<() => number>(),
  learn: boolean(),
  breach: oneOf('off', 'pad', 'skip-reflected'),
  padMaxBytes: bytes({ min: 1, max: 256 }),
  credentialHeaders: listOf(FIELD_NAME),
  harmlessCookies: listOf(text({ expected: 'a name', pattern: /^.+$/ })),
  onEvent: func<OnCompressionEvent>(),
  clock: clockCheck,
  random: func<() => number>(),
});

/** Zstandard's window of what may be sent: at most 8 MB (RFC 9659 §3). */
const MAX_ZSTD_WINDOW_LOG = 23;

interface Closable {
  close(): void;
}
const { createZstdCompress: createZstd } = zlib as unknown as {
  readonly createZstdCompress?: (options: object) => Closable;
};

/** The options to work with. @throws OptionError for unknown or wrong options */
export function resolveCompressionOptions(
  given?: Given<CompressionOptions>,
): Readonly<CompressionOptions> {
  const options = resolveOptions('compression', COMPRESSION_DEFAULTS, CHECKS, given);
  const { ZSTD_c_windowLog: windowLog } = zlib.constants as unknown as Record<string, number>;
  const stated = windowLog === undefined ? undefined : options.zstd.params?.[windowLog];
  if (stated !== undefined && stated > MAX_ZSTD_WINDOW_LOG) {
    throw new OptionError('compression', [
      `option "zstd" must have a window of at most 8 MB (ZSTD_c_windowLog ${MAX_ZSTD_WINDOW_LOG}, RFC 9659), but has ${stated}.`,
    ]);
  }
  return options;
}

/** Options that zlib itself takes: whether it does is tried. */
function zlibOptions<T extends object>(
  create: (options: object) => Closable | undefined,
): Check<T> {
  return {
    expected: 'an object of options that zlib takes',
    accepts: (value): value is T => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
      try {
        create(value)?.close();
        return true;
      } catch {
        return false;
      }
    },
  };
}
