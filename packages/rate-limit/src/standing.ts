/** How one key stands with one policy: what a decision is made of, and what headers tell. */
import type { Policy } from './policy.ts';

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
  /** The window of the shared counter that they went into; NaN: into none. */
  sharedWindow: number = Number.NaN;

  /** How a key stands now; nothing is taken. */
  constructor(policy: Policy, key: string, units: number, nowMs: number) {
    const { algorithm, keys } = policy;
    const slot = keys.slotOf(key, nowMs);
    const available = algorithm.available(slot, nowMs);
    this.policy = policy;
    this.key = key;
    this.remaining = available;
    this.violated = available < units;
    this.resetMs = algorithm.resetMs(slot, nowMs);
    if (!this.violated) return;
    this.waitMs = algorithm.waitMs(slot, units, nowMs);
    this.reduced = available + policy.fullCapacity - algorithm.capacity >= units;
  }

  take(units: number, nowMs: number): void {
    const { algorithm, keys } = this.policy;
    const slot = keys.slotOf(this.key, nowMs);
    algorithm.take(slot, units, nowMs);
    this.taken = true;
    this.remaining -= units;
    this.resetMs = algorithm.resetMs(slot, nowMs);
  }

  /** Gives back what was taken at `takenMs`, if the key has not been forgotten since. */
  give(units: number, takenMs: number, nowMs: number): void {
    const { algorithm, keys } = this.policy;
    const slot = keys.find(this.key);
    if (slot !== undefined) algorithm.give(slot, units, takenMs, nowMs);
    this.remaining += units;
  }
}
