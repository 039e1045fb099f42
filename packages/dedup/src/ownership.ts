/**
 * Who works for running keys: this instance, and proof that it lives. The proof is one key with
 * a short time to live, which one timer keeps alive however many requests are under way; a
 * process that was killed stops doing so, and everybody can tell. The time is the store's own,
 * so that no two machines have to agree about the clock.
 */
import { randomUUID } from 'node:crypto';
import type { Cancel, Clock, MaybePromise } from '@org/core';

import type { GuardedStore } from './guarded-store.ts';

/** Beats within one lease: three may fail before the lease is over. */
const BEATS_PER_LEASE = 4;

/** Leases without a request after which it is no longer kept alive. */
const IDLE_LEASES = 30;

const ALIVE: Uint8Array = Buffer.from('alive');

export interface OwnershipOptions {
  readonly store: GuardedStore;
  readonly namespace: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  /** Told of every beat; answers whether anything is under way. */
  readonly onBeat: () => boolean;
}

/** The lease of one instance. */
export class Ownership {
  readonly id: string = randomUUID();
  private readonly options: OwnershipOptions;
  private readonly beatMs: number;
  private beatenMs: number = Number.NEGATIVE_INFINITY;
  private usedMs: number = Number.NEGATIVE_INFINITY;
  private beating: Promise<void> | undefined = undefined;
  private cancel: Cancel | undefined = undefined;

  constructor(options: OwnershipOptions) {
    this.options = options;
    this.beatMs = options.leaseMs / BEATS_PER_LEASE;
  }

  /**
   * Sees to it that the lease holds for now, before a key is claimed under it.
   * @throws what the store throws
   */
  hold(): MaybePromise<void> {
    const nowMs = this.options.clock.monotonicMs();
    this.usedMs = nowMs;
    this.cancel ??= this.options.clock.every(this.beatMs, () => this.tick());
    // A timer that came late, because the process was busy, has not kept it.
    return nowMs - this.beatenMs < 2 * this.beatMs ? undefined : this.beat();
  }

  /** Whether an owner lives, as far as the store knows. @throws what the store throws */
  isAlive(owner: string): MaybePromise<boolean> {
    if (owner === this.id) return true;
    const found = this.options.store.get(this.keyOf(owner));
    return found instanceof Promise
      ? found.then((value) => value !== undefined)
      : found !== undefined;
  }

  /** Lets the lease run out. */
  close(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.beatenMs = Number.NEGATIVE_INFINITY;
  }

  private tick(): void {
    const { clock, leaseMs, onBeat } = this.options;
    const isIdle = clock.monotonicMs() - this.usedMs > IDLE_LEASES * leaseMs;
    if (!onBeat() && isIdle) {
      this.close();
      return;
    }
    try {
      // Whether the store answers is known where it is called.
      this.beat()?.catch(() => undefined);
    } catch {
      // The next beat is near, and whoever claims a key meanwhile is told.
    }
  }

  /** At once where the store is; one at a time where it is not. */
  private beat(): Promise<void> | undefined {
    if (this.beating !== undefined) return this.beating;
    const { store, leaseMs, clock } = this.options;
    const nowMs = clock.monotonicMs();
    const written = store.set(this.keyOf(this.id), ALIVE, leaseMs);
    if (!(written instanceof Promise)) {
      this.beatenMs = nowMs;
      return undefined;
    }
    this.beating = written
      .then(() => {
        this.beatenMs = nowMs;
      })
      .finally(() => {
        this.beating = undefined;
      });
    return this.beating;
  }

  private keyOf(owner: string): string {
    return `${this.options.namespace}:owner:${owner}`;
  }
}
