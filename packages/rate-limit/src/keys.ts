/**
 * Whose units are counted where: the slots of a policy's keys. There are never more than `maxKeys`
 * of them, and no timer: when all are taken, a newcomer gets the slot of whoever, of a few looked
 * at in turn, has the most left. So a flood of spoofed addresses pushes itself out, and not those
 * who have used up what they may.
 */
import type { Algorithm } from './algorithm.ts';

/** Slots to begin with; they double as they are needed. */
const FIRST_SLOTS = 64;

/** Slots that are looked at for one to give away. */
const CANDIDATES = 8;

export class Keys {
  /** Keys that had to go for others while they still counted. */
  evictedTotal: number = 0;
  private readonly algorithm: Algorithm;
  private readonly maxKeys: number;
  private readonly slots: Map<string, number> = new Map();
  private readonly keys: string[] = [];
  private readonly free: number[] = [];
  private reserved: number = 0;
  private next: number = 0;

  constructor(algorithm: Algorithm, maxKeys: number) {
    this.algorithm = algorithm;
    this.maxKeys = maxKeys;
  }

  get size(): number {
    return this.slots.size;
  }

  /** The key's slot, if it has one. */
  find(key: string): number | undefined {
    return this.slots.get(key);
  }

  /** The key's slot; one without a past if it had none. */
  slotOf(key: string, nowMs: number): number {
    return this.slots.get(key) ?? this.settle(key, nowMs);
  }

  forget(key: string): void {
    const slot = this.slots.get(key);
    if (slot === undefined) return;
    this.slots.delete(key);
    this.keys[slot] = '';
    this.free.push(slot);
  }

  clear(): void {
    this.slots.clear();
    this.keys.length = 0;
    this.free.length = 0;
    this.next = 0;
  }

  private settle(key: string, nowMs: number): number {
    const slot = this.free.pop() ?? this.newSlot() ?? this.evicted(nowMs);
    const kept = copied(key);
    this.slots.set(kept, slot);
    this.keys[slot] = kept;
    this.algorithm.clear(slot);
    return slot;
  }

  private newSlot(): number | undefined {
    const slot = this.keys.length;
    if (slot === this.maxKeys) return undefined;
    if (slot >= this.reserved) {
      this.reserved = Math.min(this.maxKeys, Math.max(FIRST_SLOTS, slot * 2));
      this.algorithm.reserve(this.reserved);
    }
    return slot;
  }

  private evicted(nowMs: number): number {
    const { algorithm, maxKeys } = this;
    let chosen = this.next;
    let most = Number.NEGATIVE_INFINITY;
    for (let seen = 0; seen < CANDIDATES && most < algorithm.capacity; seen++) {
      const available = algorithm.available(this.next, nowMs);
      if (available > most) {
        most = available;
        chosen = this.next;
      }
      this.next = (this.next + 1) % maxKeys;
    }
    this.slots.delete(this.keys[chosen]!);
    if (most < algorithm.capacity) this.evictedTotal++;
    return chosen;
  }
}

/** Shorter parts of a string are copied by V8 itself. */
const SHORTEST_SLICE = 13;

/** A part that was cut out of a header would keep the whole header in memory. */
function copied(key: string): string {
  if (key.length < SHORTEST_SLICE) return key;
  const copy = Buffer.from(key, 'latin1').toString('latin1');
  return copy === key ? copy : key;
}
