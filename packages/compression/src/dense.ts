/**
 * Whether bytes are dense already: coded or encrypted data under a media type that says
 * otherwise. It looks at a bounded sample, so that the size of a body is of no account.
 * Text is not dense, base64 included: its 64 characters leave a quarter to be saved.
 */

/** Bytes that are looked at for the frequencies, in so many places. */
const SAMPLE_BYTES = 1024;
const PLACES = 4;
/** A smaller body says too little; to code it costs little. */
const MIN_BYTES = 512;
/** Bytes that are looked at first: where all are ASCII, it is text. */
const PROBES = 32;
/**
 * The chance that two bytes of the sample are equal: 1/256 for what is random, 1/64 for
 * base64, more for text and tables. Unbiased for any length of the sample.
 */
const DENSE_CHANCE = 1 / 200;

/** How files that are coded already begin; further bytes may stand at an offset. */
const SIGNATURES: readonly (readonly [offset: number, bytes: Buffer])[][] = [
  [[0, Buffer.from([0x1f, 0x8b, 0x08])]], // gzip
  [[0, Buffer.from([0x28, 0xb5, 0x2f, 0xfd])]], // zstd (RFC 8878 §3.1.1)
  [[0, Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])]], // xz
  [[0, Buffer.from('7z\xbc\xaf\x27\x1c', 'latin1')]],
  [[0, Buffer.from('PK\x03\x04')]], // zip, and the office formats in it
  [[0, Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')]],
  [[0, Buffer.from([0xff, 0xd8, 0xff])]], // JPEG
  [[0, Buffer.from('GIF87a')]],
  [[0, Buffer.from('GIF89a')]],
  [
    [0, Buffer.from('RIFF')],
    [8, Buffer.from('WEBP')],
  ],
  [[4, Buffer.from('ftyp')]], // MP4, AVIF, HEIC
  [[0, Buffer.from('OggS\0')]],
  [[0, Buffer.from([0x1a, 0x45, 0xdf, 0xa3])]], // Matroska, WebM
  [[0, Buffer.from('wOFF')]],
  [[0, Buffer.from('wOF2')]],
];

/** Whether coding would be for nothing. */
export function isDense(body: Buffer): boolean {
  if (body.length < MIN_BYTES) return false;
  if (SIGNATURES.some((parts) => parts.every(([at, bytes]) => startsAt(body, at, bytes)))) {
    return true;
  }
  return !looksLikeText(body) && equalChance(body) < DENSE_CHANCE;
}

function startsAt(body: Buffer, offset: number, bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at++) if (body[offset + at] !== bytes[at]) return false;
  return true;
}

/** Of random bytes half are above ASCII: none of these would be by a chance of one in 2³². */
function looksLikeText(body: Buffer): boolean {
  const step = Math.floor(body.length / PROBES);
  for (let at = 0; at < body.length; at += step) if (body[at]! > 0x7f) return false;
  return true;
}

function equalChance(body: Buffer): number {
  const seen = new Uint16Array(256);
  const size = Math.min(SAMPLE_BYTES, body.length);
  const length = Math.floor(size / PLACES);
  const stride = Math.floor((body.length - length) / (PLACES - 1));
  let pairs = 0;
  for (let place = 0; place < PLACES; place++) {
    const from = place * stride;
    // Each byte makes a pair with every equal one before it.
    for (let at = from; at < from + length; at++) pairs += seen[body[at]!]!++;
  }
  const taken = length * PLACES;
  return pairs / ((taken * (taken - 1)) / 2);
}
