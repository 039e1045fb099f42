/**
 * The embedded store: every store contract in this process, bounded by entries and
 * by bytes, least recently used out first. Expiry costs no timer per key: a value
 * whose time is over is dropped when it is met.
 */
import { LRUCache } from 'lru-cache';

import { type Clock, systemClock } from './clock.ts';
import { type Component, defineComponent } from './component.ts';
import { bytes, clockCheck, integer, resolveOptions, type Given } from './options.ts';
import { report } from './report.ts';
import {
  type BusMessage,
  checkTtl,
  type Count,
  keepSliceMs,
  type Slice,
  type Store,
} from './store.ts';

/** Bounds of a memory store. */
export interface MemoryStoreOptions {
  /** The most entries of each kind (values, counters, sliding ones, tags). @default 50_000 */
  readonly maxEntries: number;
  /** The most bytes of keys and values together. @default 64 MiB */
  readonly maxBytes: number;
  /** Where time comes from. @default the machine's clock */
  readonly clock: Clock;
}

export const MEMORY_STORE_DEFAULTS: MemoryStoreOptions = Object.freeze({
  maxEntries: 50_000,
  maxBytes: 64 * 1024 * 1024,
  clock: systemClock,
});

/** Counts entries; by `max`, a cache lays out room for all of them as it is made: milliseconds and megabytes. */
const ONE_EACH = (): number => 1;

/** What every entry is counted for besides its bytes: maps, links and times. An estimate. */
const ENTRY_OVERHEAD_BYTES = 160;

/** A store that lives and dies with this process. */
export type MemoryStore = Store & Component;

/** Makes a store of its own; two stores share nothing. @throws OptionError */
export function memoryStore(options?: Given<MemoryStoreOptions>): MemoryStore {
  const { maxEntries, maxBytes, clock } = resolveOptions(
    'memoryStore',
    MEMORY_STORE_DEFAULTS,
    CHECKS,
    options,
  );
  // The cache takes a start of 0 for none, and a clock may well stand at 0.
  const perf = { now: () => clock.monotonicMs() + 1 };
  let evictedTotal = 0;
  const values = new LRUCache<string, Uint8Array>({
    maxSize: maxBytes,
    sizeCalculation: (value, key) => value.byteLength + key.length * 2 + ENTRY_OVERHEAD_BYTES,
    ttl: 1,
    ttlResolution: 0,
    perf,
    disposeAfter: (_value, _key, reason) => {
      if (reason === 'evict') evictedTotal++;
    },
  });
  const counters = new LRUCache<string, { value: number }>({
    maxSize: maxEntries,
    sizeCalculation: ONE_EACH,
    ttl: 1,
    ttlResolution: 0,
    perf,
  });
  const sliding = new LRUCache<string, Map<number, number>>({
    maxSize: maxEntries,
    sizeCalculation: ONE_EACH,
    ttl: 1,
    ttlResolution: 0,
    perf,
  });
  // A tag that was forgotten answers the highest version ever forgotten: what was stored under
  // an older one is stale, which is safe, and nothing was ever stored under that one elsewhere.
  let forgottenVersion = 0;
  let lastVersion = 0;
  const tags = new LRUCache<string, number>({
    maxSize: maxEntries,
    sizeCalculation: ONE_EACH,
    dispose: (version, _tag, reason) => {
      if (reason === 'evict') forgottenVersion = Math.max(forgottenVersion, version);
    },
  });
  const channels = new Map<
    string,
    { sequence: number; listeners: Set<(message: BusMessage) => void> }
  >();

  function keep(key: string, value: Uint8Array, ttlMs: number): void {
    values.set(key, value, { ttl: checkTtl(ttlMs) });
    if (values.size > maxEntries) values.pop();
  }

  return defineComponent('memory-store', {
    get: (key: string) => values.get(key),

    set: keep,

    delete: (key: string) => values.delete(key),

    claim(key: string, value: Uint8Array, ttlMs: number): Uint8Array | undefined {
      const present = values.get(key);
      if (present === undefined) keep(key, value, ttlMs);
      return present;
    },

    compareAndSet(
      key: string,
      expected: Uint8Array,
      next: Uint8Array | undefined,
      ttlMs: number,
    ): boolean {
      const present = values.get(key);
      if (present === undefined || Buffer.compare(present, expected) !== 0) return false;
      if (next === undefined) values.delete(key);
      else keep(key, next, ttlMs);
      return true;
    },

    versions: (names: readonly string[]) => names.map((tag) => tags.get(tag) ?? forgottenVersion),

    bump: (names: readonly string[]) =>
      names.map((tag) => {
        tags.set(tag, ++lastVersion);
        return lastVersion;
      }),

    add(key: string, amount: number, windowMs: number): Count {
      const present = counters.get(key);
      if (present === undefined) {
        counters.set(key, { value: amount }, { ttl: checkTtl(windowMs) });
        return { value: amount, resetMs: windowMs };
      }
      present.value += amount;
      return { value: present.value, resetMs: counters.getRemainingTTL(key) };
    },

    slide(key: string, amount: number, slice: Slice): readonly number[] {
      const ttl = keepSliceMs(slice);
      const counts = sliding.get(key) ?? new Map<number, number>();
      if (amount !== 0) {
        counts.set(slice.number, (counts.get(slice.number) ?? 0) + amount);
        sliding.set(key, counts, { ttl });
      }
      return windowOf(counts, slice);
    },

    publish(channel: string, data: Uint8Array): void {
      const known = channels.get(channel);
      if (known === undefined) return;
      const message: BusMessage = Object.freeze({ data, sequence: ++known.sequence });
      for (const listener of known.listeners) {
        try {
          listener(message);
        } catch (error) {
          report(error, `bus listener of ${channel}`);
        }
      }
    },

    subscribe(channel: string, listener: (message: BusMessage) => void): () => void {
      const known = channels.get(channel) ?? { sequence: 0, listeners: new Set() };
      channels.set(channel, known);
      // Each subscription ends by itself, also where two of them share a listener.
      const hearing = (message: BusMessage): void => listener(message);
      known.listeners.add(hearing);
      return () => {
        if (known.listeners.delete(hearing) && known.listeners.size === 0) channels.delete(channel);
      };
    },

    stats: () => ({
      entries: values.size,
      entriesBytes: values.calculatedSize,
      counters: counters.size + sliding.size,
      tags: tags.size,
      channels: channels.size,
      evictedTotal,
    }),

    close(): void {
      values.clear();
      counters.clear();
      sliding.clear();
      tags.clear();
      channels.clear();
    },
  });
}

/** What the slices of a window hold, the latest first; those that have left it are forgotten. */
function windowOf(counts: Map<number, number>, { number, before }: Slice): readonly number[] {
  const held = Array.from({ length: before + 1 }, () => 0);
  for (const [at, count] of counts) {
    const age = Math.max(0, number - at);
    if (age > before) counts.delete(at);
    else held[age]! += count;
  }
  return held;
}

const CHECKS = {
  maxEntries: integer({ min: 1 }),
  maxBytes: bytes({ min: 1 }),
  clock: clockCheck,
};
