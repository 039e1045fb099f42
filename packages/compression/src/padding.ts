/**
 * Padding of random length inside coded bodies, against BREACH: who measures answers
 * learns their length only with noise. It stands where decoders skip it, as proposed in
 * "Heal the Breach" (Palacios et al., 2022) for the header of gzip. It slows the attack,
 * which can still average over many answers, and does not end it.
 */
import { randomInt } from 'node:crypto';
import { Duplex, Transform } from 'node:stream';

import type { Coding } from './options.ts';

/** Codings that have a place for padding. */
export type Paddable = Extract<Coding, 'br' | 'gzip'>;

const FILL = 0x78;
/** RFC 1952 §2.3: the header's length and flags, and the flag of a comment. */
const GZIP_HEADER_BYTES = 10;
const GZIP_FLAGS_AT = 3;
const GZIP_COMMENT = 0x10;
/** RFC 7932 §9.2: ISLAST 0, MNIBBLES 0 (`11`), reserved 0, MSKIPBYTES 1; then MSKIPLEN - 1, 8 bits. */
const BROTLI_METADATA = 0b01_0110;
/** RFC 7932 §9.2: ISLAST and ISLASTEMPTY. */
const BROTLI_END: Buffer = Buffer.from([0b11]);

/**
 * Whether a coding can be padded. The format of `deflate` (RFC 1950) has no place for it. That of
 * `zstd` has frames to be skipped (RFC 8878 §3.1.2), but decoders, Node's among them, take one
 * for the end of the body, or fail where it comes in pieces.
 */
export function isPaddable(coding: Coding): coding is Paddable {
  return coding === 'br' || coding === 'gzip';
}

/** A number that nobody can foretell, from 0 to below 1. */
export function secureRandom(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}

/** A whole body with padding. One in brotli must have been flushed, not finished. */
export function padWhole(coding: Paddable, body: Buffer, padBytes: number): Buffer {
  if (coding === 'br') return Buffer.concat([body, brotliMetadata(padBytes), BROTLI_END]);
  return padFront(coding, body, padBytes);
}

/**
 * An encoder whose output begins with padding. One for brotli must have been told to flush
 * before anything else: its first bytes end where a metadata block can stand.
 */
export function padStream(coding: Paddable, encoder: Duplex, padBytes: number): Duplex {
  let first = true;
  const padder = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, first ? padFront(coding, chunk, padBytes) : chunk);
      first = false;
    },
  });
  return Duplex.from({ writable: encoder, readable: encoder.pipe(padder) });
}

/** Bytes that begin a coded body, with padding. */
function padFront(coding: Paddable, bytes: Buffer, padBytes: number): Buffer {
  if (coding === 'br') return Buffer.concat([bytes, brotliMetadata(padBytes)]);
  const header = Buffer.from(bytes.subarray(0, GZIP_HEADER_BYTES));
  header[GZIP_FLAGS_AT]! |= GZIP_COMMENT;
  // Zero-terminated.
  const comment = Buffer.alloc(padBytes + 1, FILL);
  comment[padBytes] = 0;
  return Buffer.concat([header, comment, bytes.subarray(GZIP_HEADER_BYTES)]);
}

/** A metadata block of 1 to 256 bytes; it must begin on a whole byte. */
function brotliMetadata(padBytes: number): Buffer {
  const block = Buffer.alloc(2 + padBytes, FILL);
  block.writeUInt16LE(BROTLI_METADATA | ((padBytes - 1) << 6), 0);
  return block;
}
