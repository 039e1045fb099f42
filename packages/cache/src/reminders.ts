/**
 * What the shared store was told lately, and the versions that it answered. A server that fails
 * over, or restarts from a copy, may have forgotten what it had acknowledged, and brings back what
 * was invalidated. Versions only grow: one that is lower than it has been was forgotten, and is to
 * be told again, by whoever told it or heard of it.
 */
import { EVERYTHING } from './tags.ts';

/** A tag that was invalidated. */
export interface Told {
  readonly tag: string;
  readonly soft: boolean;
}

interface Reminder extends Told {
  readonly version: number;
  readonly notedMs: number;
  /** How many had been noted with it. */
  readonly count: number;
}

/** How old a tag is that the store still knows and is not asked about any more, in ms. */
const KEPT_MS = 60_000;
/** The most tags that are remembered; once there were more, all that is stored counts as invalidated. */
const MAX_REMINDERS = 1000;
/** The most tags that are compared at once. */
const MAX_DUE = 100;

export class Reminders {
  /** Grows with each that is noted: what was asked before does not know of it. */
  count: number = 0;
  /** By the key of the tag's version; what was compared last stands last. */
  private readonly reminders: Map<string, Reminder> = new Map();
  private isIncomplete: boolean = false;

  /** The store has answered `version` to the one who told it of a tag. */
  note(key: string, { tag, soft }: Told, version: number, nowMs: number): void {
    this.reminders.delete(key);
    this.reminders.set(key, { tag, soft, version, notedMs: nowMs, count: ++this.count });
    if (this.reminders.size <= MAX_REMINDERS) return;
    const [first] = this.reminders.keys();
    this.reminders.delete(first!);
    this.isIncomplete = true;
  }

  /** Keys of the versions to compare next. */
  due(): readonly string[] {
    return [...this.reminders.keys()].slice(0, MAX_DUE);
  }

  /**
   * Compares versions that were asked for when `count` had been noted. Answers all that there is
   * to tell again, once one of them has been forgotten.
   */
  compare(
    keys: readonly string[],
    versions: readonly number[],
    count: number,
    nowMs: number,
  ): readonly Told[] {
    if (this.reminders.size === 0) return [];
    for (const [at, key] of keys.entries()) {
      const reminder = this.reminders.get(key);
      if (reminder === undefined || reminder.count > count) continue;
      if (versions[at]! < reminder.version) return this.takeAll();
      this.reminders.delete(key);
      if (nowMs - reminder.notedMs < KEPT_MS) this.reminders.set(key, reminder);
    }
    if (this.reminders.size === 0) this.isIncomplete = false;
    return [];
  }

  private takeAll(): readonly Told[] {
    const all = this.isIncomplete
      ? [{ tag: EVERYTHING, soft: false }]
      : [...this.reminders.values()];
    this.reminders.clear();
    this.isIncomplete = false;
    return all;
  }
}
