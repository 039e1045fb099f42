/**
 * Where answers are kept: in memory, and behind it, where one is given, in a store that
 * several processes share. Both are held to what has been invalidated.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { MaybePromise } from '@org/core';

import type { Entry } from './entry.ts';
import type { Invalidations } from './invalidations.ts';
import type { MemoryTier } from './memory-tier.ts';
import type { Found, SharedTier, Versions } from './shared-tier.ts';

export class Tiers {
  readonly memory: MemoryTier;
  readonly shared: SharedTier | undefined;
  readonly invalidations: Invalidations;

  constructor(memory: MemoryTier, invalidations: Invalidations, shared: SharedTier | undefined) {
    this.memory = memory;
    this.invalidations = invalidations;
    this.shared = shared;
  }

  /** The answer in memory that these request headers choose, unless it has been invalidated. */
  find(key: string, headers: IncomingHttpHeaders, nowMs: number): Entry | undefined {
    const entry = this.memory.find(key, headers);
    if (entry === undefined || entry.checkedEpoch === this.invalidations.epoch) return entry;
    return this.check(entry, nowMs) ? entry : undefined;
  }

  /** Whether there is a shared store, and it is worth asking. */
  get hasShared(): boolean {
    return this.shared?.usable === true;
  }

  /** The same in the shared store; what is found goes into memory. Never rejects. */
  async fetch(key: string, headers: IncomingHttpHeaders | undefined): Promise<Found> {
    const { entry, versions } = await this.shared!.find(key, headers);
    if (entry === undefined || this.isOvertaken(entry)) return { entry: undefined, versions };
    this.memory.put(entry);
    return { entry, versions };
  }

  /** Keeps an answer; says whether memory took it. `versions` are the shared store's from before it was asked for. */
  put(entry: Entry, versions: Versions | undefined): boolean {
    const admitted = this.memory.put(entry);
    if (versions !== undefined) void this.shared?.put(entry, versions);
    return admitted;
  }

  /** Whether an invalidation came after the application was asked. */
  isOvertaken({ init }: Entry): boolean {
    return this.invalidations.standing(init.tags, init.stamp) !== 'good';
  }

  /** Invalidates here at once; resolves when the shared store and the other processes know. */
  invalidate(tags: readonly string[], soft: boolean): MaybePromise<void> {
    this.invalidations.mark(tags, soft);
    return this.shared?.invalidate(tags, soft);
  }

  /** Invalidates, and does not wait. The shared store reports its outage, and is told once it is over. */
  invalidateSoon(tags: readonly string[]): void {
    const done = this.invalidate(tags, false);
    if (done instanceof Promise) done.catch(() => undefined);
  }

  private check(entry: Entry, nowMs: number): boolean {
    const standing = this.invalidations.standing(entry.init.tags, entry.init.stamp);
    if (standing === 'hard') {
      this.memory.remove(entry);
      return false;
    }
    if (standing === 'soft') entry.expire(nowMs);
    entry.checkedEpoch = this.invalidations.epoch;
    return true;
  }
}
