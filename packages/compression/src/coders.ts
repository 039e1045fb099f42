/**
 * The coders: whole bodies in one call, here or in the thread pool, and streams. What the
 * user's options leave open is chosen by size and load; zlib's options are made once per
 * class of size, not per answer.
 */
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

import type { Coding, CompressionOptions } from './options.ts';
import { isPaddable, type Paddable, padStream, padWhole } from './padding.ts';
import {
  brotliSettings,
  gzipSettings,
  type Settings,
  type Shape,
  zstdSettings,
} from './settings.ts';

/** How one body is to be coded. */
export interface Job {
  /** The cheapest level. */
  readonly light: boolean;
  /** Length of the padding, in bytes; 0: none. */
  readonly padBytes: number;
}

/** An encoder for a body that comes in parts. */
export interface Encoder {
  /** Takes and gives the bytes. */
  readonly stream: Duplex;
  /** What does the work, and counts what it takes. */
  readonly zlib: Duplex & { readonly bytesWritten: number };
  flush(): void;
}

/** One coding. */
export interface Coder {
  readonly coding: Coding;
  now(body: Buffer, job: Job): Buffer;
  later(body: Buffer, job: Job): Promise<Buffer>;
  /** `live`: everything that is written is given out at once, and little memory is held. */
  stream(sizeBytes: number | undefined, live: boolean, job: Job): Encoder;
}

type ZlibStream = Duplex & {
  readonly bytesWritten: number;
  flush(kind?: number): void;
};

/** What the runtime brings for one coding. */
interface Runtime {
  readonly sync: (body: Buffer, options: object) => Buffer;
  readonly async: (body: Buffer, options: object) => Promise<Buffer>;
  readonly create: (options: object) => ZlibStream;
  /** Gives out everything so far: the flush that costs least. */
  readonly flush: number;
}

const { constants } = zlib;

/** A coder for each coding on offer that the runtime has, by preference. */
export function codersOf(options: Readonly<CompressionOptions>): readonly Coder[] {
  const runtimes: Readonly<Record<Coding, [Runtime | undefined, (shape: Shape) => Settings]>> = {
    gzip: [GZIP, (shape) => gzipSettings(options.gzip, shape)],
    deflate: [DEFLATE, (shape) => gzipSettings(options.gzip, shape)],
    br: [BROTLI, (shape) => brotliSettings(options.brotli, shape)],
    zstd: [zstd(), (shape) => zstdSettings(options.zstd, shape)],
  };
  return options.codings.flatMap((coding) => {
    const [runtime, settings] = runtimes[coding];
    if (runtime === undefined || (options.breach === 'pad' && !isPaddable(coding))) return [];
    return [coderOf(coding, runtime, settings)];
  });
}

function coderOf(coding: Coding, runtime: Runtime, settings: (shape: Shape) => Settings): Coder {
  const made = new Map<number, Settings>();
  const settingsFor = (sizeBytes: number, { light, padBytes }: Job): Settings => {
    const sizeLog = Math.max(9, 32 - Math.clz32(sizeBytes - 1));
    const unfinished = padBytes > 0 && coding === 'br';
    const key = sizeLog * 4 + (light ? 2 : 0) + (unfinished ? 1 : 0);
    let known = made.get(key);
    if (known === undefined) {
      known = settings({ kind: 'whole', sizeLog, light, unfinished });
      made.set(key, known);
    }
    return known;
  };
  const padded = (coded: Buffer, { padBytes }: Job): Buffer =>
    padBytes === 0 ? coded : padWhole(coding as Paddable, coded, padBytes);

  return {
    coding,
    now: (body, job) => padded(runtime.sync(body, settingsFor(body.length, job)), job),
    later: async (body, job) =>
      padded(await runtime.async(body, settingsFor(body.length, job)), job),
    stream(sizeBytes, live, { light, padBytes }) {
      const shape: Shape = { kind: live ? 'live' : 'stream', sizeBytes, light };
      const stream = runtime.create(settings(shape));
      const flush = (): void => stream.flush(runtime.flush);
      if (padBytes === 0) return { stream, zlib: stream, flush };
      if (coding === 'br') flush();
      return { stream: padStream(coding as Paddable, stream, padBytes), zlib: stream, flush };
    },
  };
}

const GZIP: Runtime = {
  sync: (body, options) => zlib.gzipSync(body, options),
  async: promisify<Buffer, object, Buffer>(zlib.gzip),
  create: (options) => zlib.createGzip(options),
  flush: constants.Z_SYNC_FLUSH,
};

const DEFLATE: Runtime = {
  sync: (body, options) => zlib.deflateSync(body, options),
  async: promisify<Buffer, object, Buffer>(zlib.deflate),
  create: (options) => zlib.createDeflate(options),
  flush: constants.Z_SYNC_FLUSH,
};

const BROTLI: Runtime = {
  sync: (body, options) => zlib.brotliCompressSync(body, options),
  async: promisify<Buffer, object, Buffer>(zlib.brotliCompress),
  create: (options) => zlib.createBrotliCompress(options),
  flush: constants.BROTLI_OPERATION_FLUSH,
};

/** Where the runtime has it (Node 22.15 on); its types are younger than the oldest Node that is supported. */
function zstd(): Runtime | undefined {
  const { zstdCompressSync, zstdCompress, createZstdCompress } = zlib as unknown as {
    readonly zstdCompressSync?: (body: Buffer, options: object) => Buffer;
    readonly zstdCompress?: (
      body: Buffer,
      options: object,
      done: (error: Error | null, coded: Buffer) => void,
    ) => void;
    readonly createZstdCompress?: (options: object) => ZlibStream;
  };
  if (zstdCompress === undefined || zstdCompressSync === undefined) return undefined;
  if (createZstdCompress === undefined) return undefined;
  return {
    sync: zstdCompressSync,
    async: promisify(zstdCompress),
    create: createZstdCompress,
    flush: (constants as unknown as Record<string, number>)['ZSTD_e_flush']!,
  };
}
