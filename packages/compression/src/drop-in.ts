/** The options of the npm package `compression`, under the names that it documents. */
import type * as zlib from 'node:zlib';
import { type Given, OptionError } from '@org/core';

import type { Coding, CompressionOptions } from './options.ts';

/** Options as `compression` names them. Where both names are given, ours counts. */
export interface DropInOptions extends Pick<
  zlib.ZlibOptions,
  'chunkSize' | 'level' | 'memLevel' | 'strategy' | 'windowBits'
> {
  /** `thresholdBytes`, in bytes or as text such as `'1kb'`; what is as large is coded whether or not it pays. */
  readonly threshold?: number | string | undefined;
  /** As ours, but what is no coding here is taken as none. */
  readonly enforceEncoding?: string | undefined;
}

/** Either kind of options. */
export type AnyOptions = Omit<Given<CompressionOptions>, 'enforceEncoding'> & DropInOptions;

const ZLIB_NAMES = ['chunkSize', 'level', 'memLevel', 'strategy', 'windowBits'] as const;
const CODINGS: readonly string[] = ['zstd', 'br', 'gzip', 'deflate'] satisfies Coding[];
const UNITS: Readonly<Record<string, number>> = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };

/** Our options for these. @throws OptionError for a threshold that is no size */
export function ownOptions(given: AnyOptions | null | undefined): Given<CompressionOptions> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    // `compression(null)` is what some call it with; all else is for the check of options.
    return (given ?? undefined) as Given<CompressionOptions>;
  }
  const { threshold, enforceEncoding, ...rest } = given;
  const own: Record<string, unknown> = { ...rest };
  const gzip: Record<string, unknown> = {};
  for (const name of ZLIB_NAMES) {
    if (own[name] !== undefined) gzip[name] = own[name];
    delete own[name];
  }
  if (Object.keys(gzip).length > 0) own['gzip'] = { ...gzip, ...given.gzip };
  if (threshold !== undefined) {
    own['thresholdBytes'] ??= sizeOf(threshold);
    own['onlyIfSmaller'] ??= false;
  }
  if (enforceEncoding !== undefined && CODINGS.includes(enforceEncoding)) {
    own['enforceEncoding'] = enforceEncoding;
  }
  return own;
}

function sizeOf(threshold: unknown): number {
  const parts = /^(\d+(?:\.\d+)?) *(b|kb|mb|gb)?$/i.exec(String(threshold));
  if (parts === null) {
    throw new OptionError('compression', [
      `option "threshold" must be a number of bytes or a size such as "1kb", but is ${JSON.stringify(threshold)}.`,
    ]);
  }
  return Math.floor(Number(parts[1]) * UNITS[(parts[2] ?? 'b').toLowerCase()]!);
}
