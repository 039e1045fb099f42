/** Values on their way to Redis and back. */

/**
 * The same bytes as ioredis takes them, without a copy.
 * @throws RangeError for too many of them, TypeError for what is none
 */
export function bytesOf(value: Uint8Array, maxBytes: number): Buffer {
  if (!ArrayBuffer.isView(value)) {
    throw new TypeError(
      `A value must be a Uint8Array, as of Buffer.from(text), but is of type ${value === null ? 'null' : typeof value}.`,
    );
  }
  if (value.byteLength > maxBytes) {
    throw new RangeError(
      `A value must have at most ${maxBytes} bytes (maxValueBytes), but has ${value.byteLength}.`,
    );
  }
  return Buffer.isBuffer(value)
    ? value
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** A value that is there, or nothing. */
export function valueOf(reply: unknown): Uint8Array | undefined {
  return reply === null ? undefined : (reply as Buffer);
}

/** Whether a reply is the number one. */
export function isOne(reply: unknown): boolean {
  return Number(reply) === 1;
}
