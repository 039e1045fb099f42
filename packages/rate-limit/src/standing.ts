/** How one key stands with one policy: what a decision is made of, and what headers tell. */
import type { Policy } from './policy.ts';

/** In place of a slice: no shared counter has the units. */
export const NOWHERE = -1;

export class Standing {
  readonly policy: Policy;
  readonly key: string;
  /** Units that are left; below 0 after a debt. */
  remaining: number;
  /** How long until there is more, in ms. */
  resetMs: number;
  /** There was not enough. */
  violated: boolean;
  /** Its limit is lowered at the moment, and there would have been enough otherwise. */
  reduced: boolean = false;
  /** How long until there is enough, in ms; 0 where there is. */
  waitMs: number = 0;
  /** Units were taken here. */
  taken: boolean = false;
  /** The slice of the shared window that they went into. */
  sharedSlice: number = NOWHERE;
  /** Where the key is counted; it may be somebody else's once a turn has passed. */
  private readonly slot: number;

  /** How a key stands now; nothing is taken. */
  constructor(policy: Policy, key: string, units: number, nowMs: number) {
    const { algorithm, keys } = policy;
    const slot = keys.slotOf(key, nowMs);
    const available = algorithm.available(slot, nowMs);
    this.slot = slot;
    this.policy = policy;
    this.key = key;
    this.remaining = available;
    this.violated = available < units;
    this.resetMs = algorithm.resetMs(slot, nowMs);
    if (!this.violated) return;
    this.waitMs = algorithm.waitMs(slot, units, nowMs);
    this.reduced = available + policy.fullCapacity - algorithm.capacity >= units;
  }

  /** Takes, in the turn in which it was made. */
  take(units: number, nowMs: number): void {
    this.taken = true;
    this.takeAt(this.slot, units, nowMs);
  }

  /** Takes on top of what was taken, whether or not there is enough. */
  charge(units: number, nowMs: number): void {
    this.takeAt(this.policy.keys.slotOf(this.key, nowMs), units, nowMs);
  }

  /** Gives back what was taken at `takenMs`, if the key has not been forgotten since. */
  give(units: number, takenMs: number, nowMs: number): void {
    const { algorithm, keys } = this.policy;
    const slot = keys.find(this.key);
    if (slot !== undefined) algorithm.give(slot, units, takenMs, nowMs);
    this.remaining += units;
  }

  private takeAt(slot: number, units: number, nowMs: number): void {
    const { algorithm } = this.policy;
    algorithm.take(slot, units, nowMs);
    this.remaining -= units;
    this.resetMs = algorithm.resetMs(slot, nowMs);
  }
}
