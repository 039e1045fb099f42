/**
 * Rows in the memory of one process: the default. They end with it, and are bounded by their
 * size: when there is no room left, the oldest of the finest go first.
 */
import { bytes, type Given, report, resolveOptions } from '@org/core';

import type {
  AnalyticsStore,
  Place,
  ReadRange,
  Row,
  RowKind,
  RowTier,
  Source,
} from './analytics-store.ts';
import { floorTo, type Tier } from './tiers.ts';

export interface MemoryStoreOptions {
  /** Room for rows, in bytes. @default 64 MiB */
  readonly maxBytes: number;
}

export const MEMORY_STORE_DEFAULTS: Readonly<MemoryStoreOptions> =
  Object.freeze<MemoryStoreOptions>({
    maxBytes: 64 * 1024 * 1024,
  });

/** Which rows make room, in this order. */
const SHED: readonly Tier[] = ['minute', 'hour', 'day'];
/** What a row takes beside its payload, roughly. */
const ROW_BYTES = 200;

interface Kept {
  row: Row;
  rolled: boolean;
}

/** Makes a store. @throws OptionError for unknown or wrong options */
export function memoryStore(options?: Given<MemoryStoreOptions>): AnalyticsStore {
  const { maxBytes } = resolveOptions(
    'memoryStore',
    MEMORY_STORE_DEFAULTS,
    { maxBytes: bytes({ min: 1024 * 1024 }) },
    options,
  );
  return new MemoryRows(maxBytes);
}

/** Whether what is kept there is gone after a restart. */
export function endsWithProcess(store: AnalyticsStore | undefined): boolean {
  return store === undefined || store instanceof MemoryRows;
}

class MemoryRows implements AnalyticsStore {
  private readonly maxBytes: number;
  /** By tier, then by place. */
  private readonly tiers: Map<RowTier, Map<string, Kept>> = new Map();
  private usedBytes: number = 0;
  private hasLost: boolean = false;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  put(rows: readonly Row[]): void {
    for (const row of rows) {
      const known = this.find(row);
      if (known === undefined || known.row.revision < row.revision) this.keep(row, false);
    }
    this.makeRoom();
  }

  read({ tier, kind, fromAt, toAt, after, limit }: ReadRange): readonly Row[] {
    const found: Row[] = [];
    for (const { row } of this.tier(tier).values()) {
      if (row.kind !== kind || row.startAt < fromAt || row.startAt >= toAt) continue;
      if (after === undefined || inOrder(after, row) < 0) found.push(row);
    }
    return found.toSorted(inOrder).slice(0, limit);
  }

  replace(row: Row, expected: number, sources: readonly Source[] = []): boolean {
    const known = this.find(row);
    if ((known?.row.revision ?? 0) !== expected) return false;
    this.keep(row, known?.rolled === true && row.revision === expected);
    for (const source of sources) {
      const kept = this.find(source);
      if (kept?.row.revision === source.revision) kept.rolled = true;
    }
    this.makeRoom();
    return true;
  }

  unrolled(tier: Tier, kind: RowKind, periodMs: number, limit: number): readonly number[] {
    const periods = new Set<number>();
    for (const { row, rolled } of this.tier(tier).values()) {
      if (row.kind === kind && !rolled) periods.add(floorTo(row.startAt, periodMs));
    }
    return [...periods].toSorted((one, other) => one - other).slice(0, limit);
  }

  prune(tier: Tier, beforeAt: number, limit: number): number {
    let pruned = 0;
    for (const { row, rolled } of this.tier(tier).values()) {
      if (row.startAt >= beforeAt || (tier !== 'day' && !rolled)) continue;
      this.remove(row);
      if (++pruned === limit) break;
    }
    return pruned;
  }

  remove(place: Place): void {
    const known = this.find(place);
    if (known === undefined) return;
    this.usedBytes -= sizeOf(known.row);
    this.tier(place.tier).delete(keyOf(place));
  }

  private find(place: Place): Kept | undefined {
    return this.tier(place.tier).get(keyOf(place));
  }

  private tier(tier: RowTier): Map<string, Kept> {
    let rows = this.tiers.get(tier);
    if (rows === undefined) this.tiers.set(tier, (rows = new Map()));
    return rows;
  }

  /** A row keeps its place in the map, so that the first of a tier is about the oldest. */
  private keep(row: Row, rolled: boolean): void {
    const known = this.find(row);
    this.usedBytes += sizeOf(row) - (known === undefined ? 0 : sizeOf(known.row));
    if (known === undefined) this.tier(row.tier).set(keyOf(row), { row, rolled });
    else Object.assign(known, { row, rolled });
  }

  private makeRoom(): void {
    for (const tier of SHED) {
      for (const { row, rolled } of this.tier(tier).values()) {
        if (this.usedBytes <= this.maxBytes) return;
        this.remove(row);
        if (!rolled && tier === 'minute') this.tellLoss(row);
      }
    }
  }

  /** Once: it goes on with each minute. */
  private tellLoss({ startAt }: Row): void {
    if (this.hasLost) return;
    this.hasLost = true;
    const when = new Date(startAt).toISOString();
    const told = `memoryStore has no room for an hour of minutes: ${when} goes before it is rolled up. Raise "maxBytes" (${this.maxBytes}).`;
    report(new Error(told), 'analytics memory');
  }
}

function keyOf({ kind, startAt, writer }: Place): string {
  return `${kind} ${startAt} ${writer}`;
}

function sizeOf({ payload }: Row): number {
  return payload.length + ROW_BYTES;
}

function inOrder(
  one: Pick<Place, 'startAt' | 'writer'>,
  other: Pick<Place, 'startAt' | 'writer'>,
): number {
  if (one.startAt !== other.startAt) return one.startAt - other.startAt;
  return one.writer < other.writer ? -1 : Number(one.writer > other.writer);
}
