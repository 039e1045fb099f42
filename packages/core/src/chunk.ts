/** What may be written to a response, in the forms in which Node takes it. */

export type Callback = (error?: Error | null) => void;

/** Whether Node takes it as a chunk at all; it may be empty. */
export function isChunk(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === 'string' || chunk instanceof Uint8Array;
}

export function isBody(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === 'string' ? chunk !== '' : chunk instanceof Uint8Array;
}

export function toBuffer(chunk: string | Uint8Array, encoding: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, encodingOf(encoding));
  return Buffer.isBuffer(chunk)
    ? chunk
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

export function byteLength(chunk: string | Uint8Array, encoding: unknown): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk, encodingOf(encoding)) : chunk.length;
}

export function encodingOf(encoding: unknown): BufferEncoding {
  return typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8';
}

export function callbackOf(encoding: unknown, callback: unknown): Callback | undefined {
  const given = typeof encoding === 'function' ? encoding : callback;
  return typeof given === 'function' ? (given as Callback) : undefined;
}
