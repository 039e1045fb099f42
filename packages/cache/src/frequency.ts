/**
 * How often keys were asked for, lately and roughly, in little memory: a count-min sketch
 * of four rows with counters up to 15, halved as it fills, so that it forgets (TinyLFU,
 * Einziger, Friedman and Manes 2017).
 */

const ROWS = 4;
const HIGHEST = 15;
/** Additions per key of capacity after which everything is halved. */
const SAMPLE = 10;

export class FrequencySketch {
  /** How often everything was halved. */
  ageTotal: number = 0;
  private readonly counters: Uint8Array;
  private readonly mask: number;
  private readonly seed: number;
  private readonly sampleSize: number;
  private added: number = 0;

  /** `seed` keeps others from choosing keys that collide. @default random */
  constructor(capacity: number, seed: number = Math.floor(Math.random() * 2 ** 32)) {
    let width = 64;
    while (width < capacity) width *= 2;
    // A byte a counter: half of it is unused, and every access is one.
    this.counters = new Uint8Array(width * ROWS);
    this.mask = width - 1;
    this.seed = seed;
    this.sampleSize = width * SAMPLE;
  }

  /** Counts one more. */
  add(key: string): void {
    const hash = hashOf(key, this.seed);
    for (let row = 0; row < ROWS; row++) {
      const at = this.at(hash, row);
      if (this.counters[at]! < HIGHEST) this.counters[at]!++;
    }
    if (++this.added >= this.sampleSize) this.halve();
  }

  /** How often, at most 15; too high where keys collide in every row, never too low. */
  estimate(key: string): number {
    const hash = hashOf(key, this.seed);
    let lowest = HIGHEST;
    for (let row = 0; row < ROWS; row++) {
      lowest = Math.min(lowest, this.counters[this.at(hash, row)]!);
    }
    return lowest;
  }

  private at(hash: number, row: number): number {
    return row * (this.mask + 1) + (mix(hash + Math.imul(row, 0x9e3779b9)) & this.mask);
  }

  private halve(): void {
    for (let at = 0; at < this.counters.length; at++) this.counters[at]! >>= 1;
    this.added >>= 1;
    this.ageTotal++;
  }
}

/** FNV-1a over UTF-16 code units, from a secret start. */
function hashOf(key: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < key.length; at++) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  return hash;
}

/** Spreads a hash over all bits (the finaliser of MurmurHash3). */
function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
