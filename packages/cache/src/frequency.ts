/**
 * How often keys were asked for, lately and roughly, in little memory: a count-min sketch
 * of four rows with counters up to 15, halved as it fills, so that it forgets (TinyLFU,
 * Einziger, Friedman and Manes 2017).
 */
import { randomBytes } from 'node:crypto';

const ROWS = 4;
const MIN_WIDTH = 64;
/** With one of each row per key, a key that was never asked for would count as about six. */
const COUNTERS_PER_KEY = 8;
/** Eight counters of four bits share a word. */
const HIGHEST = 15;
/** Additions per key of capacity after which everything is halved. */
const SAMPLE = 10;

export class FrequencySketch {
  private readonly words: Uint32Array;
  private readonly width: number;
  private readonly sampleSize: number;
  private readonly start: number;
  private readonly multiplier: number;
  private added: number = 0;
  private halvings: number = 0;

  /**
   * `capacity`: how many keys are to be told apart. `seed`: 32 bits that nobody outside
   * knows, so that nobody can choose keys that collide. @default random
   */
  constructor(capacity: number, seed: number = randomBytes(4).readUInt32LE()) {
    let width = MIN_WIDTH;
    while (width < COUNTERS_PER_KEY * capacity) width *= 2;
    this.width = width;
    this.words = new Uint32Array((width * ROWS) / 8);
    this.sampleSize = SAMPLE * Math.max(1, capacity);
    this.start = mix(seed);
    this.multiplier = mix(seed + 1) | 1;
  }

  /** How often everything was halved. */
  get ageTotal(): number {
    return this.halvings;
  }

  /** Counts one more. */
  add(key: string): void {
    const hash = this.hash(key);
    for (let row = 0; row < ROWS; row++) {
      const at = this.counterAt(hash, row);
      const shift = (at & 7) * 4;
      if (((this.words[at >>> 3]! >>> shift) & HIGHEST) < HIGHEST)
        this.words[at >>> 3]! += 1 << shift;
    }
    if (++this.added >= this.sampleSize) this.halve();
  }

  /** How often lately, at most 15; too high where keys collide in every row, never too low. */
  estimate(key: string): number {
    const hash = this.hash(key);
    let lowest = HIGHEST;
    for (let row = 0; row < ROWS; row++) {
      const at = this.counterAt(hash, row);
      lowest = Math.min(lowest, (this.words[at >>> 3]! >>> ((at & 7) * 4)) & HIGHEST);
    }
    return lowest;
  }

  private counterAt(hash: number, row: number): number {
    return row * this.width + (mix(hash + Math.imul(row, 0x9e3779b9)) & (this.width - 1));
  }

  private halve(): void {
    // The mask drops what one counter would hand to the next.
    for (let at = 0; at < this.words.length; at++) {
      this.words[at] = (this.words[at]! >>> 1) & 0x77777777;
    }
    this.added >>>= 1;
    this.halvings++;
  }

  /**
   * A secret multiplier, and high bits folded into low ones: a known multiplier, as FNV has
   * it, lets keys be made that collide whatever the start is.
   */
  private hash(key: string): number {
    let hash = this.start;
    for (let at = 0; at < key.length; at++) {
      hash = Math.imul(hash ^ key.charCodeAt(at), this.multiplier);
      hash ^= hash >>> 15;
    }
    return hash;
  }
}

/** Spreads a number over all bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
