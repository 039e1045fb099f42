/**
 * What the store could not be told when it was due: that a request has ended, or that a claim
 * which seemed to fail is not wanted any more. It is told with every beat until it knows, so that
 * an outage leaves neither lost answers nor keys that nobody works for.
 */
import type { Claim, Written } from './claim.ts';
import type { GuardedStore } from './guarded-store.ts';

/** The most claims that may or may not have reached a store that failed. */
const MAX_DOUBTFUL = 1000;

export interface DebtsOptions {
  readonly store: GuardedStore;
  readonly retentionMs: number;
  /** Told when the store has got what it was owed for a request that has run, or has no use for it any more. */
  readonly onPaid: (claim: Claim, written: Written) => void;
}

/** Writes that are owed; those of requests that have run are no more than were under way when the store failed. */
export class Debts {
  private readonly options: DebtsOptions;
  private readonly claims: Set<Claim> = new Set();
  private paying: boolean = false;

  constructor(options: DebtsOptions) {
    this.options = options;
  }

  get size(): number {
    return this.claims.size;
  }

  /** The record of a claim is to become `next`, or nothing. */
  owe(claim: Claim, next: Uint8Array | undefined): void {
    claim.owed = { next };
    this.claims.add(claim);
  }

  /** A claim that may have got there although it seemed to fail: it must not stand for somebody at work. */
  doubt(claim: Claim): void {
    if (this.claims.size < MAX_DOUBTFUL) this.owe(claim, undefined);
  }

  clear(): void {
    this.claims.clear();
  }

  /** Never rejects; what the store does not take this time it is told again. */
  async payAll(): Promise<void> {
    if (this.paying || this.claims.size === 0) return;
    this.paying = true;
    try {
      for (const claim of this.claims) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other: a store that has just come back is not flooded
        const written = await this.pay(claim);
        this.claims.delete(claim);
        claim.owed = undefined;
        if (claim.begun) this.options.onPaid(claim, written);
      }
    } catch {
      // It does not answer yet.
    } finally {
      this.paying = false;
    }
  }

  private async pay(claim: Claim): Promise<Written> {
    const { store, retentionMs } = this.options;
    const next = claim.owed?.next;
    if (!(await store.compareAndSet(claim.key, claim.bytes, next, retentionMs))) {
      // The write that seemed to fail may have got there.
      const present = await store.get(claim.key);
      const isThere =
        present === undefined || next === undefined
          ? present === next
          : Buffer.compare(present, next) === 0;
      if (!isThere) return 'overtaken';
    }
    if (next !== undefined) claim.bytes = next;
    return 'written';
  }
}
