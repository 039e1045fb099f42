/**
 * The answers in memory: bounded by bytes, the least recently used out first, and
 * admission by use: once memory is full, a newcomer must have been asked for at least
 * as often as what it would drive out (TinyLFU, Einziger, Friedman and Manes 2017), so
 * that a walk over a million addresses does not empty the cache.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { LRUCache } from 'lru-cache';

import type { Entry } from './entry.ts';
import { FrequencySketch } from './frequency.ts';
import { varyKey } from './vary.ts';

/** What is stored under one key: an answer, or several that differ by `Vary`, newest first. */
class Shelf {
  readonly entries: readonly Entry[];
  readonly bytes: number;
  /** Uses lately, counted as those of absent keys are: up to 15, and halved with them. */
  uses: number;
  /** How often the counts had been halved when `uses` was right. */
  age: number;

  constructor(entries: readonly Entry[], uses: number, age: number) {
    this.entries = entries;
    this.bytes = entries.reduce((total, { bytes }) => total + bytes, 0);
    this.uses = uses;
    this.age = age;
  }

  /** Uses up to now. */
  usesAt(age: number): number {
    if (this.age !== age) {
      this.uses >>= Math.min(31, age - this.age);
      this.age = age;
    }
    return this.uses;
  }
}

/** Bounds of the memory. */
export interface MemoryTierOptions {
  readonly maxBytes: number;
  readonly maxVariants: number;
  readonly random: () => number;
}

/** An entry is hardly smaller than this: what the counts of use are made for. */
const SMALLEST_ENTRY_BYTES = 2048;
const MAX_COUNTED_KEYS = 65_536;
/** As high as the counts of absent keys go. */
const HIGHEST_COUNT = 15;

export class MemoryTier {
  evictedTotal: number = 0;
  private readonly shelves: LRUCache<string, Shelf>;
  private readonly asked: FrequencySketch;
  private readonly options: MemoryTierOptions;

  constructor(options: MemoryTierOptions) {
    this.options = options;
    const capacity = Math.ceil(options.maxBytes / SMALLEST_ENTRY_BYTES);
    this.asked = new FrequencySketch(
      Math.min(MAX_COUNTED_KEYS, capacity),
      Math.floor(options.random() * 2 ** 32),
    );
    this.shelves = new LRUCache<string, Shelf>({
      maxSize: options.maxBytes,
      sizeCalculation: ({ bytes }) => bytes,
      dispose: (_shelf, _key, reason) => {
        if (reason === 'evict') this.evictedTotal++;
      },
    });
  }

  /** Whether anything is stored under a key. */
  has(key: string): boolean {
    return this.shelves.has(key);
  }

  /** The most recent answer that these request headers choose (RFC 9111 §4.1); counts the use. */
  find(key: string, headers: IncomingHttpHeaders): Entry | undefined {
    const shelf = this.shelves.get(key);
    if (shelf === undefined) {
      this.asked.add(key);
      return undefined;
    }
    if (shelf.usesAt(this.asked.ageTotal) < HIGHEST_COUNT) shelf.uses++;
    return select(shelf.entries, headers);
  }

  /** Everything under a key, whichever request it is for; counts no use. */
  all(key: string): readonly Entry[] {
    return this.shelves.peek(key)?.entries ?? [];
  }

  /** Puts an answer in the place of the one that it replaces. Says whether it was admitted. */
  put(entry: Entry): boolean {
    const { key, varyKey: own } = entry.init;
    const names = entry.init.vary.join();
    const shelf = this.shelves.get(key);
    const others = (shelf?.entries ?? []).filter(
      ({ init }) => init.varyKey !== own || init.vary.join() !== names,
    );
    if (shelf === undefined && !this.admits(key, entry.bytes)) return false;
    const age = this.asked.ageTotal;
    const uses = shelf === undefined ? this.asked.estimate(key) : shelf.usesAt(age);
    this.place(key, [entry, ...others].slice(0, this.options.maxVariants), uses, age);
    return this.shelves.has(key);
  }

  /** Measures the shelf of an entry that has grown. */
  remeasure({ init: { key } }: Entry): void {
    const shelf = this.shelves.get(key);
    if (shelf === undefined) return;
    this.place(key, shelf.entries, shelf.uses, shelf.age);
  }

  /** Forgets one answer. */
  remove(entry: Entry): void {
    const { key } = entry.init;
    const shelf = this.shelves.get(key);
    if (shelf === undefined || !shelf.entries.includes(entry)) return;
    const kept = shelf.entries.filter((one) => one !== entry);
    this.place(key, kept, shelf.uses, shelf.age);
  }

  clear(): void {
    this.shelves.clear();
  }

  get keys(): number {
    return this.shelves.size;
  }

  get bytes(): number {
    return this.shelves.calculatedSize;
  }

  /** Puts answers in the place of those under their key; without the oldest, as far as they do not fit. */
  private place(key: string, entries: readonly Entry[], uses: number, age: number): void {
    // Only what is new is measured anew.
    this.shelves.delete(key);
    for (let count = entries.length; count > 0; count--) {
      const shelf = new Shelf(entries.slice(0, count), uses, age);
      if (shelf.bytes > this.options.maxBytes) continue;
      this.shelves.set(key, shelf);
      return;
    }
  }

  /** While there is room everybody is; then only who is asked for as often as each that would have to go. */
  private admits(key: string, bytes: number): boolean {
    const { maxBytes } = this.options;
    if (bytes > maxBytes) return false;
    let missing = this.shelves.calculatedSize + bytes - maxBytes;
    if (missing <= 0) return true;
    const uses = this.asked.estimate(key);
    for (const victimKey of this.shelves.rkeys()) {
      const victim = this.shelves.peek(victimKey)!;
      if (uses < victim.usesAt(this.asked.ageTotal)) return false;
      missing -= victim.bytes;
      if (missing <= 0) break;
    }
    return true;
  }
}

function select(entries: readonly Entry[], headers: IncomingHttpHeaders): Entry | undefined {
  if (entries.length === 1) return isFor(entries[0]!, headers) ? entries[0] : undefined;
  let newest: Entry | undefined;
  for (const entry of entries) {
    if (newest !== undefined && entry.init.dateAt <= newest.init.dateAt) continue;
    if (isFor(entry, headers)) newest = entry;
  }
  return newest;
}

function isFor({ init }: Entry, headers: IncomingHttpHeaders): boolean {
  return init.vary.length === 0 || varyKey(init.vary, headers) === init.varyKey;
}
