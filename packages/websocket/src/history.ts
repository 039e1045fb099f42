/**
 * What a channel has sent lately, so that whoever comes back gets what was missed: bounded by
 * count, age and bytes. What it cannot give whole it does not give at all.
 */
import type { Entry } from './entry.ts';

/** How much of a channel is kept for those who come back. */
export interface HistoryOptions {
  /** Events that are kept. @default 100 */
  readonly maxEvents: number;
  /** How long an event is kept, in ms. @default 60_000 */
  readonly maxAgeMs: number;
  /** Bytes of the events that are kept. @default 262_144 */
  readonly maxBytes: number;
}

export const HISTORY_DEFAULTS: Readonly<HistoryOptions> = Object.freeze<HistoryOptions>({
  maxEvents: 100,
  maxAgeMs: 60_000,
  maxBytes: 256 * 1024,
});

/** Events of consecutive offsets, the oldest first. */
export class History {
  bytes: number = 0;
  private readonly maxEvents: number;
  private readonly maxAgeMs: number;
  private readonly maxBytes: number;
  private readonly onBytes: (change: number) => void;
  private entries: { readonly entry: Entry; readonly atMs: number }[] = [];
  /** Index of the oldest; what stands before it is forgotten, and cut off now and then. */
  private first: number = 0;

  /** @param onBytes told how the bytes that are kept change, for a bound over all histories */
  constructor(limits: Readonly<HistoryOptions>, onBytes: (change: number) => void) {
    this.maxEvents = limits.maxEvents;
    this.maxAgeMs = limits.maxAgeMs;
    this.maxBytes = limits.maxBytes;
    this.onBytes = onBytes;
  }

  get size(): number {
    return this.entries.length - this.first;
  }

  add(entry: Entry, nowMs: number): void {
    this.entries.push({ entry, atMs: nowMs });
    this.count(entry.frame.length);
    while (this.size > this.maxEvents || this.bytes > this.maxBytes) this.dropFirst();
    this.expire(nowMs);
  }

  /** Forgets what is too old. */
  expire(nowMs: number): void {
    while (this.size > 0 && nowMs - this.entries[this.first]!.atMs >= this.maxAgeMs) {
      this.dropFirst();
    }
  }

  /**
   * Everything after `offset` up to `last`, the channel's own; nothing where that is not complete.
   * An offset that the channel has not reached is of another life of it.
   */
  since(offset: number, last: number, nowMs: number): readonly Entry[] | undefined {
    if (offset > last) return undefined;
    this.expire(nowMs);
    const missed = last - offset;
    if (missed > this.size) return undefined;
    return this.entries.slice(this.entries.length - missed).map(({ entry }) => entry);
  }

  clear(): void {
    this.entries = [];
    this.first = 0;
    this.count(-this.bytes);
  }

  private dropFirst(): void {
    const { entry } = this.entries[this.first++]!;
    this.count(-entry.frame.length);
    // Half of it is forgotten: moving the rest costs each entry one move, over its life.
    if (this.first * 2 >= this.entries.length) {
      this.entries = this.entries.slice(this.first);
      this.first = 0;
    }
  }

  private count(change: number): void {
    this.bytes += change;
    this.onBytes(change);
  }
}
