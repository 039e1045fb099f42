/** Asks a server as clients do, and decodes what comes. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import * as zlib from 'node:zlib';

const { zstdDecompressSync, createZstdDecompress } = zlib as unknown as {
  readonly zstdDecompressSync?: (body: Buffer) => Buffer;
  readonly createZstdDecompress?: () => Duplex;
};

/** The codings of this runtime. */
export const CODINGS: readonly string[] = [
  'br',
  'gzip',
  'deflate',
  ...(zstdDecompressSync === undefined ? [] : ['zstd']),
];

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** As they came. */
  readonly bytes: Buffer;
  /** Decoded. */
  readonly text: string;
}

export function decode(coding: string | undefined, bytes: Buffer): Buffer {
  if (coding === 'gzip') return zlib.gunzipSync(bytes);
  if (coding === 'deflate') return zlib.inflateSync(bytes);
  if (coding === 'br') return zlib.brotliDecompressSync(bytes);
  if (coding === 'zstd') return zstdDecompressSync!(bytes);
  return bytes;
}

export function decoderOf(coding: string): Duplex {
  if (coding === 'gzip') return zlib.createGunzip();
  if (coding === 'deflate') return zlib.createInflate();
  if (coding === 'br') return zlib.createBrotliDecompress();
  return createZstdDecompress!();
}

/** The head of an answer, with the body to come. */
export async function begin(
  url: string,
  headers: Record<string, string> = {},
  method: string = 'GET',
): Promise<IncomingMessage> {
  const [response] = (await once(get(url, { headers, method, agent: false }), 'response')) as [
    IncomingMessage,
  ];
  return response;
}

export async function ask(
  url: string,
  headers: Record<string, string> = {},
  method: string = 'GET',
): Promise<Answer> {
  const { bytes, ...answer } = await askBytes(url, headers, method);
  const coding = answer.headers['content-encoding'];
  const decoded = bytes.length === 0 ? bytes : decode(coding, bytes);
  return { ...answer, bytes, text: decoded.toString() };
}

/** An answer that is not decoded, such as a part. */
export async function askBytes(
  url: string,
  headers: Record<string, string> = {},
  method: string = 'GET',
): Promise<Omit<Answer, 'text'>> {
  const response = await begin(url, headers, method);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    bytes: Buffer.concat(chunks),
  };
}
