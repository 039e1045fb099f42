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
  hits: number;
  /** How often the counts of use had been halved when `hits` was right. */
  age: number;

  constructor(entries: readonly Entry[], hits: number, age: number) {
    this.entries = entries;
    this.bytes = entries.reduce((total, { bytes }) => total + bytes, 0);
    this.hits = hits;
    this.age = age;
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

  /** The newest answer that these request headers choose (RFC 9111 §4.1); counts the use. */
  find(key: string, headers: IncomingHttpHeaders): Entry | undefined {
    const shelf = this.shelves.get(key);
    if (shelf === undefined) {
      this.asked.add(key);
      return undefined;
    }
    shelf.hits++;
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
    const kept = [entry, ...others].slice(0, this.options.maxVariants);
    if (shelf === undefined && !this.admits(key, entry.bytes)) return false;
    const hits = shelf === undefined ? this.asked.estimate(key) : shelf.hits;
    // Only what is new is measured anew.
    this.shelves.delete(key);
    this.shelves.set(key, new Shelf(kept, hits, this.asked.ageTotal));
    return this.shelves.has(key);
  }

  /** Measures the shelf of an entry that has grown. */
  remeasure({ init: { key } }: Entry): void {
    const shelf = this.shelves.get(key);
    if (shelf === undefined) return;
    this.shelves.delete(key);
    this.shelves.set(key, new Shelf(shelf.entries, shelf.hits, shelf.age));
  }

  /** Forgets one answer. */
  remove(entry: Entry): void {
    const { key } = entry.init;
    const shelf = this.shelves.get(key);
    if (shelf === undefined || !shelf.entries.includes(entry)) return;
    const kept = shelf.entries.filter((one) => one !== entry);
    this.shelves.delete(key);
    if (kept.length > 0) this.shelves.set(key, new Shelf(kept, shelf.hits, shelf.age));
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

  /** While there is room everybody is; then only who is asked for as often as the least recently used. */
  private admits(key: string, bytes: number): boolean {
    if (this.shelves.calculatedSize + bytes <= this.options.maxBytes) return true;
    const victimKey = this.shelves.rkeys().next().value as string | undefined;
    if (victimKey === undefined) return true;
    const victim = this.shelves.peek(victimKey)!;
    const victimHits = victim.hits >> Math.min(31, this.asked.ageTotal - victim.age);
    return this.asked.estimate(key) >= Math.min(15, victimHits);
  }
}

function select(entries: readonly Entry[], headers: IncomingHttpHeaders): Entry | undefined {
  for (const entry of entries) {
    const { vary } = entry.init;
    if (vary.length === 0 || varyKey(vary, headers) === entry.init.varyKey) return entry;
  }
  return undefined;
}
