/**
 * The second tier: a store that several processes share. It is asked when memory does
 * not have an answer, within a time limit. After a few failures in a row it is left alone until the
 * comparison that runs every second, and for which nobody waits, finds that it works: a
 * dead store slows nothing. What one process invalidates, the others hear on the store's
 * bus; a gap in what they hear empties their memory.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  type BusMessage,
  type Cancel,
  type Clock,
  MAX_DELAY_MS,
  type MaybePromise,
  report,
  type Store,
  storeTimeout,
  storeUnavailable,
} from '@org/core';

import type { Entry } from './entry.ts';
import { decode, type Decoded, encodeEntry, encodePointer } from './entry-codec.ts';
import type { Invalidations } from './invalidations.ts';
import { Outage } from './outage.ts';
import { Reminders } from './reminders.ts';
import { EVERYTHING } from './tags.ts';
import { varyKey } from './vary.ts';

/** What the store counted when it was asked: how many invalidations there had been. */
export interface Versions {
  readonly invalidations: number;
}

/** What the second tier found, and knew, before the application is asked. */
export interface Found {
  readonly entry: Entry | undefined;
  readonly versions: Versions | undefined;
}

export interface SharedTierOptions {
  readonly store: Store;
  readonly namespace: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly invalidations: Invalidations;
}

/** What is said on the bus. */
interface Message {
  readonly from: string;
  readonly tags: readonly string[];
  readonly soft: boolean;
  /** What the store counted after it. */
  readonly count: number;
  /** Of the tags, after it. */
  readonly versions: readonly number[];
}

/** How often the count of invalidations is compared with what was heard, in ms. */
const COMPARE_MS = 1000;
/** How long an answer is kept past its use, to be asked about by its validator, in ms. */
const KEPT_MS = 60_000;
/** Tags that are remembered while the store cannot be told; more than these stand for everything. */
const MAX_PENDING_TAGS = 10_000;

const NOTHING: Found = Object.freeze({ entry: undefined, versions: undefined });

export class SharedTier {
  hitsTotal: number = 0;
  missesTotal: number = 0;
  gapsTotal: number = 0;
  forgottenTotal: number = 0;
  readonly outage: Outage = new Outage();
  private readonly options: SharedTierOptions;
  private readonly id: string = randomUUID();
  /** Tags that the store does not know yet to be invalid, and whether softly. */
  private readonly pending: Map<string, boolean> = new Map();
  private readonly reminders: Reminders = new Reminders();
  /** Epochs of the invalidations that it is just being told, the oldest first. */
  private readonly telling: Set<number> = new Set();
  private starting: Promise<void> | undefined = undefined;
  private unsubscribe: (() => MaybePromise<void>) | undefined = undefined;
  private stopComparing: Cancel | undefined = undefined;
  private comparing: boolean = false;
  private closed: boolean = false;
  /** The last message heard, and the count it told. */
  private sequence: number | undefined = undefined;
  private heard: number = 0;
  /** What the store counted last, where that was not heard of. */
  private unheard: number | undefined = undefined;

  constructor(options: SharedTierOptions) {
    this.options = options;
  }

  /** Listens for invalidations. Begins by itself with the first request. */
  start(): Promise<void> {
    this.starting ??= this.listen();
    return this.starting;
  }

  /** Whether it is worth asking: it answers, and knows all that was invalidated here. */
  get usable(): boolean {
    return !this.closed && !this.outage.down && this.pending.size === 0;
  }

  /** Looks an answer up; `headers` absent asks for the versions alone. Never rejects. */
  async find(key: string, headers: IncomingHttpHeaders | undefined): Promise<Found> {
    if (!this.usable) return NOTHING;
    const stamp = this.toldEpoch;
    const found = await this.call('get', async () => {
      const { store } = this.options;
      const [[count], record] = await Promise.all([
        store.versions([this.tagKey(COUNT)], this.limits),
        headers === undefined ? undefined : store.get(this.key(key), this.limits),
      ]);
      const versions = { invalidations: count! };
      if (headers === undefined || record === undefined) return { entry: undefined, versions };
      let decoded: Decoded = decode(record, key, stamp, this.options.clock);
      if ('pointsTo' in decoded) {
        const chosen = varyKey(decoded.pointsTo, headers);
        const variant = await store.get(this.key(key, chosen), this.limits);
        if (variant === undefined) return { entry: undefined, versions };
        decoded = decode(variant, key, stamp, this.options.clock);
        if ('pointsTo' in decoded || decoded.entry.init.varyKey !== chosen) {
          return { entry: undefined, versions };
        }
      }
      return { entry: await this.held(decoded.entry, decoded.versions), versions };
    });
    if (headers !== undefined && found !== undefined) {
      if (found.entry === undefined) this.missesTotal++;
      else this.hitsTotal++;
    }
    return found ?? NOTHING;
  }

  /** Keeps an answer, unless something was invalidated since it was asked for. Never rejects. */
  async put(entry: Entry, { invalidations }: Versions): Promise<void> {
    const { clock } = this.options;
    const { tags, vary, varyKey: chosen, key } = entry.init;
    const leftMs = entry.lifetimeMs - entry.ageMs(clock.monotonicMs());
    if (!this.usable || entry.mustValidate || leftMs <= 0) return;
    const graceMs = Math.max(KEPT_MS, entry.init.staleWhileRevalidateMs, entry.init.staleIfErrorMs);
    const ttlMs = Math.min(leftMs + graceMs, MAX_DELAY_MS);
    await this.call('set', async () => {
      const { store } = this.options;
      // In this order, which is not that of `announce`: where the count has not moved since, the
      // tags were read before they moved, and what is kept under them is stale by them.
      const versions = await store.versions(this.tagKeys(tags), this.limits);
      const [count] = await store.versions([this.tagKey(COUNT)], this.limits);
      if (count !== invalidations) return;
      if (vary.length > 0) {
        await store.set(this.key(key), encodePointer(vary), ttlMs, this.limits);
      }
      const record = encodeEntry(entry, versions, clock);
      const at = vary.length > 0 ? this.key(key, chosen) : this.key(key);
      await store.set(at, record, ttlMs, this.limits);
    });
  }

  /**
   * Tells the store and the other processes. Where that fails it is told again once the store
   * answers, and until then the store is not asked for anything.
   * @throws ERR_STORE_TIMEOUT, ERR_STORE_UNAVAILABLE
   */
  async invalidate(tags: readonly string[], soft: boolean): Promise<void> {
    if (this.outage.down) {
      this.postpone(tags, soft);
      throw storeUnavailable('invalidate');
    }
    const { epoch } = this.options.invalidations;
    this.telling.add(epoch);
    try {
      await this.announce(tags, soft);
    } catch (error) {
      this.failed(error);
      this.postpone(tags, soft);
      throw error;
    } finally {
      this.telling.delete(epoch);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.stopComparing?.();
    const { unsubscribe } = this;
    this.unsubscribe = undefined;
    await unsubscribe?.();
  }

  /** Up to where the store knows what was invalidated here: what it has may be older than the rest. */
  private get toldEpoch(): number {
    const [oldest] = this.telling;
    return oldest === undefined ? this.options.invalidations.epoch : oldest - 1;
  }

  private async announce(tags: readonly string[], soft: boolean): Promise<void> {
    const { store } = this.options;
    const bump = (names: readonly string[]): Promise<readonly number[]> =>
      this.inTime('bump', Promise.resolve(store.bump(names, this.limits)));
    // The count moves first, and `put` reads it last: in a cluster the two are on different nodes.
    const [counted] = await bump([this.tagKey(COUNT)]);
    const versions = await bump(tags.map((tag) => this.tagKey(tag, soft)));
    // It is heard like any other: others may have come before it that were not.
    const message: Message = { from: this.id, tags, soft, count: counted!, versions };
    this.note(message);
    const data = Buffer.from(JSON.stringify(message));
    await this.inTime('publish', Promise.resolve(store.publish(this.channel, data, this.limits)));
  }

  private postpone(tags: readonly string[], soft: boolean): void {
    for (const tag of tags) this.pending.set(tag, soft && this.pending.get(tag) !== false);
    if (this.pending.size <= MAX_PENDING_TAGS) return;
    this.pending.clear();
    this.pending.set(EVERYTHING, false);
  }

  private async listen(): Promise<void> {
    const { store, clock } = this.options;
    if (this.stopComparing === undefined) {
      this.stopComparing = clock.every(COMPARE_MS, () => void this.compare());
      void this.countFirst();
    }
    try {
      const unsubscribe = await store.subscribe(this.channel, (message) => this.hear(message));
      if (this.closed) {
        await unsubscribe();
        return;
      }
      this.unsubscribe = unsubscribe;
    } catch (error) {
      // Tried again with the next comparison, which also finds what was not heard.
      this.failed(error);
      this.starting = undefined;
    }
  }

  /** What was invalidated while there was nothing in memory; where that is not known, comparing finds a gap. */
  private async countFirst(): Promise<void> {
    try {
      const [count] = await this.options.store.versions([this.tagKey(COUNT)], this.limits);
      this.heard = Math.max(this.heard, count!);
    } catch (error) {
      this.failed(error);
    }
  }

  private hear({ data, sequence }: BusMessage): void {
    const message = JSON.parse(Buffer.from(data).toString()) as Message;
    const { from, tags, soft, count } = message;
    if (this.sequence !== undefined && sequence !== this.sequence + 1) this.gap();
    this.sequence = sequence;
    this.heard = Math.max(this.heard, count);
    // One's own has been done already.
    if (from === this.id) return;
    this.options.invalidations.mark(tags, soft);
    this.note(message);
  }

  private note({ tags, soft, count, versions }: Message): void {
    const nowMs = this.options.clock.monotonicMs();
    this.reminders.note(this.tagKey(COUNT), { tag: COUNT, soft: false }, count, nowMs);
    for (const [at, tag] of tags.entries()) {
      this.reminders.note(this.tagKey(tag, soft), { tag, soft }, versions[at]!, nowMs);
    }
  }

  /** Whether the store counts what was not heard of: the bus may be silent without being dead. */
  private async compare(): Promise<void> {
    if (this.closed || this.comparing) return;
    this.comparing = true;
    void this.start();
    try {
      await this.remind();
      await this.tellPending();
      const { store } = this.options;
      const asked = Promise.resolve(store.versions([this.tagKey(COUNT)], this.limits));
      const [count] = await this.inTime('versions', asked);
      this.outage.worked();
      if (count === this.heard) {
        this.unheard = undefined;
      } else if (count === this.unheard) {
        this.gap();
        this.heard = count!;
        this.unheard = undefined;
      } else {
        // A message may be on its way: the next comparison will tell.
        this.unheard = count;
      }
    } catch (error) {
      this.failed(error);
    } finally {
      this.comparing = false;
    }
  }

  /** Whether the store still knows what it was told lately. */
  private async remind(): Promise<void> {
    const keys = this.reminders.due();
    if (keys.length === 0) return;
    const { count } = this.reminders;
    try {
      const asked = Promise.resolve(this.options.store.versions(keys, this.limits));
      this.recall(keys, await this.inTime('versions', asked), count);
    } catch {
      // The part of a cluster that has them may be away: what is with the others goes on, and it is asked again.
    }
  }

  /** Whether the store has forgotten what it was told; then it is told again before it is believed. */
  private recall(keys: readonly string[], versions: readonly number[], count: number): boolean {
    const { clock, invalidations } = this.options;
    const forgotten = this.reminders.compare(keys, versions, count, clock.monotonicMs());
    if (forgotten.length === 0) return false;
    this.forgottenTotal++;
    for (const { tag, soft } of forgotten) {
      // What has just been taken from there may be what was invalidated.
      invalidations.mark([tag], soft);
      this.postpone([tag], soft);
    }
    return true;
  }

  private async tellPending(): Promise<void> {
    if (this.pending.size === 0) return;
    const waiting = [...this.pending];
    for (const soft of [false, true]) {
      const tags = waiting.filter(([, one]) => one === soft).map(([tag]) => tag);
      if (tags.length === 0) continue;
      await this.announce(tags, soft);
      for (const tag of tags) this.pending.delete(tag);
    }
  }

  /** Something was said that was not heard: nothing in memory can be trusted. */
  private gap(): void {
    this.gapsTotal++;
    this.options.invalidations.markAll();
  }

  /** The entry, if its tags stand as they stood; softly invalidated, past its lifetime. */
  private async held(entry: Entry, versions: readonly number[]): Promise<Entry | undefined> {
    const { tags } = entry.init;
    const keys = this.tagKeys(tags);
    const { count } = this.reminders;
    const now = await this.options.store.versions(keys, this.limits);
    if (this.recall(keys, now, count)) return undefined;
    const moved = (from: number): boolean =>
      tags.some((_tag, at) => now[from + at] !== versions[from + at]);
    if (moved(0)) return undefined;
    if (moved(tags.length)) entry.expire(this.options.clock.monotonicMs());
    return entry;
  }

  /** A call that may fail: then the store is left alone. */
  private async call<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    void this.start();
    try {
      const answer = await this.inTime(name, work());
      this.outage.worked();
      return answer;
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }

  /** An outage is reported once. */
  private failed(error: unknown): void {
    if (this.outage.failed() && !this.closed) report(error, 'cache store');
  }

  /** Keeps the time limit whatever the store does. */
  private async inTime<T>(name: string, work: Promise<T>): Promise<T> {
    const { clock, timeoutMs } = this.options;
    let cancel: Cancel = () => undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      // Where the loop was busy, the answer may be there, and be read only now.
      cancel = clock.after(timeoutMs, () =>
        setImmediate(() => reject(storeTimeout(name, timeoutMs))),
      );
    });
    try {
      return await Promise.race([work, limit]);
    } finally {
      cancel();
    }
  }

  private get limits(): { readonly timeoutMs: number } {
    return { timeoutMs: this.options.timeoutMs };
  }

  private get channel(): string {
    return `${this.options.namespace}:invalidations`;
  }

  /** The form of the records is part of the key: another version does not read them. */
  private key(key: string, variant?: string): string {
    const base = `${this.options.namespace}:1:${key}`;
    return variant === undefined ? base : `${base}\n${variant}`;
  }

  private tagKey(tag: string, soft: boolean = false): string {
    return `${this.options.namespace}:${soft ? 'soft' : 'hard'}:${tag}`;
  }

  private tagKeys(tags: readonly string[]): readonly string[] {
    return [...tags.map((tag) => this.tagKey(tag)), ...tags.map((tag) => this.tagKey(tag, true))];
  }
}

/** The tag that moves with every invalidation: its version counts them. */
const COUNT = 'count';
