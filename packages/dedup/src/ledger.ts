/**
 * The records of keys in a store that several processes may share. A claim has a token of its
 * own, and its record is only ever replaced by comparing all of its bytes: an original that comes
 * late cannot write over what has taken its place (a fencing token). An owner that is lost is
 * known by its lease; nothing has to be cleaned up before a key can be resolved.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '@org/core';

import { Claim, type Written } from './claim.ts';
import { Debts } from './debts.ts';
import type { GuardedStore } from './guarded-store.ts';
import type { KeyedRequest } from './keyed-request.ts';
import { Ownership } from './ownership.ts';
import {
  decodeRecord,
  encodeRecord,
  type IdempotencyRecord,
  type KeptAnswer,
  type RunningRecord,
} from './record.ts';

/** What became of an attempt to claim a key. */
export type Verdict =
  | { readonly is: 'claimed'; readonly claim: Claim }
  | { readonly is: 'finished'; readonly answer: KeptAnswer }
  | { readonly is: 'mismatch' | 'in-flight' | 'indeterminate' };

export interface LedgerOptions {
  readonly store: GuardedStore;
  readonly namespace: string;
  readonly leaseMs: number;
  readonly maxRunMs: number;
  readonly retentionMs: number;
  readonly retryLost: boolean;
  readonly clock: Clock;
  /** Told when the store has got what it was owed, or has no use for it any more. */
  readonly onPaid: (claim: Claim, written: Written) => void;
}

/** Attempts to take the place of an owner that is lost, while others do the same. */
const MAX_ATTEMPTS = 3;

/** The records of one instance. */
export class Ledger {
  private readonly options: LedgerOptions;
  private readonly owner: Ownership;
  /** Keys under way here. */
  private readonly running: Map<string, Claim> = new Map();
  private readonly debts: Debts;

  constructor(options: LedgerOptions) {
    this.options = options;
    const { store, namespace, leaseMs, retentionMs, clock, onPaid } = options;
    this.debts = new Debts({
      store,
      retentionMs,
      onPaid: (claim, written) => {
        this.forget(claim);
        onPaid(claim, written);
      },
    });
    this.owner = new Ownership({
      store,
      namespace,
      leaseMs,
      clock,
      onBeat: () => {
        this.forgetHung();
        void this.debts.payAll();
        return this.running.size + this.debts.size > 0;
      },
    });
  }

  /** How many keys are under way here. */
  get size(): number {
    return this.running.size;
  }

  /** Takes a key, or says why not. @throws what the store throws: then nothing may run */
  async claim(asked: KeyedRequest): Promise<Verdict> {
    const { store, retentionMs } = this.options;
    const held = this.running.get(asked.id);
    // A store that forgets what is under way must not have it run again beside itself.
    if (held !== undefined && held.owed === undefined && held.giveUpMs > this.nowMs) {
      return { is: held.asked.fingerprint === asked.fingerprint ? 'in-flight' : 'mismatch' };
    }
    const holding = this.owner.hold();
    if (holding !== undefined) await holding;
    const claim = this.newClaim(asked);
    try {
      const found = store.claim(claim.key, claim.bytes, retentionMs);
      const present = found instanceof Promise ? await found : found;
      return present === undefined ? this.begin(claim) : await this.judge(claim, present, 1);
    } catch (error) {
      // It may have got there all the same, and must not stand for somebody at work.
      this.debts.doubt(claim);
      throw error;
    }
  }

  /** The answer is what everybody gets from now on. */
  finish(claim: Claim, answer: KeptAnswer): Promise<Written> {
    const { fingerprint } = claim.asked;
    return this.settle(claim, encodeRecord({ state: 'finished', fingerprint, ...answer }));
  }

  /** The key is free again. */
  release(claim: Claim): Promise<Written> {
    return this.settle(claim, undefined);
  }

  /** Nobody knows how it ended; it may still be finished. */
  lose(claim: Claim): Promise<Written> {
    return this.settle(claim, this.indeterminateBytes(claim.asked));
  }

  /** A key's record, an owner that is lost taken into account. @throws what the store throws */
  async look(id: string): Promise<IdempotencyRecord | undefined> {
    return (await this.read(id))?.record;
  }

  /**
   * Ends what nobody knows the end of: with an answer, or so that the key is free. Says whether
   * it was so. @throws what the store throws
   */
  async resolve(id: string, answer: KeptAnswer | undefined): Promise<boolean> {
    const known = await this.read(id);
    if (known?.record.state !== 'indeterminate') return false;
    const { fingerprint } = known.record;
    const next =
      answer === undefined
        ? undefined
        : encodeRecord({ state: 'finished', fingerprint, ...answer });
    const { store, retentionMs } = this.options;
    return store.compareAndSet(this.keyOf(id), known.bytes, next, retentionMs);
  }

  /** Lets the lease run out: what is under way is nobody's from then on. */
  close(): void {
    this.owner.close();
    this.running.clear();
    this.debts.clear();
  }

  private get nowMs(): number {
    return this.options.clock.monotonicMs();
  }

  private newClaim(asked: KeyedRequest): Claim {
    const giveUpMs = this.nowMs + this.options.maxRunMs;
    return new Claim(asked, this.keyOf(asked.id), this.runningBytes(asked), giveUpMs);
  }

  private begin(claim: Claim): Verdict {
    claim.begun = true;
    this.running.set(claim.asked.id, claim);
    return { is: 'claimed', claim };
  }

  private async judge(claim: Claim, present: Uint8Array, attempt: number): Promise<Verdict> {
    const record = decodeRecord(present);
    if (record.fingerprint !== claim.asked.fingerprint) return { is: 'mismatch' };
    if (record.state === 'finished') return { is: 'finished', answer: record };
    if (record.state === 'indeterminate') return { is: 'indeterminate' };
    if (!(await this.isLost(record))) return { is: 'in-flight' };
    return this.options.retryLost ? this.retake(claim, present, attempt) : { is: 'indeterminate' };
  }

  /** Takes the place of an owner that is lost; of several who try, one does. */
  private async retake(claim: Claim, lost: Uint8Array, attempt: number): Promise<Verdict> {
    const { store, retentionMs } = this.options;
    const { key, bytes } = claim;
    claim.retaken = true;
    if (await store.compareAndSet(key, lost, bytes, retentionMs)) return this.begin(claim);
    if (attempt === MAX_ATTEMPTS) return { is: 'in-flight' };
    const present = await store.claim(key, bytes, retentionMs);
    return present === undefined ? this.begin(claim) : this.judge(claim, present, attempt + 1);
  }

  private async isLost({ owner, giveUpAt }: RunningRecord): Promise<boolean> {
    return this.options.clock.now() > giveUpAt || !(await this.owner.isAlive(owner));
  }

  private async read(
    id: string,
  ): Promise<{ readonly bytes: Uint8Array; readonly record: IdempotencyRecord } | undefined> {
    const bytes = await this.options.store.get(this.keyOf(id));
    if (bytes === undefined) return undefined;
    const record = decodeRecord(bytes);
    if (record.state !== 'running' || !(await this.isLost(record))) return { bytes, record };
    const { fingerprint, token } = record;
    return { bytes, record: { state: 'indeterminate', fingerprint, token } };
  }

  private settle(claim: Claim, next: Uint8Array | undefined): Promise<Written> {
    const { lastWrite } = claim;
    claim.lastWrite =
      lastWrite === undefined
        ? this.write(claim, next)
        : lastWrite.then(() => this.write(claim, next));
    return claim.lastWrite;
  }

  /** Synchronous up to the store's answer: where that comes at once, it is there before the client's. */
  private async write(claim: Claim, next: Uint8Array | undefined): Promise<Written> {
    const { store, retentionMs } = this.options;
    try {
      const done = store.compareAndSet(claim.key, claim.bytes, next, retentionMs);
      const isOurs = done instanceof Promise ? await done : done;
      if (isOurs && next !== undefined) claim.bytes = next;
      this.forget(claim);
      return isOurs ? 'written' : 'overtaken';
    } catch {
      this.debts.owe(claim, next);
      return 'owed';
    }
  }

  private forget(claim: Claim): void {
    if (this.running.get(claim.asked.id) === claim) this.running.delete(claim.asked.id);
  }

  /** The oldest stand first: of those who never come to an end nothing is kept here. */
  private forgetHung(): void {
    for (const [id, { giveUpMs }] of this.running) {
      if (giveUpMs > this.nowMs) return;
      this.running.delete(id);
    }
  }

  private runningBytes({ fingerprint }: KeyedRequest): Uint8Array {
    return encodeRecord({
      state: 'running',
      fingerprint,
      owner: this.owner.id,
      token: randomUUID(),
      giveUpAt: this.options.clock.now() + this.options.maxRunMs,
    });
  }

  private indeterminateBytes({ fingerprint }: KeyedRequest): Uint8Array {
    return encodeRecord({ state: 'indeterminate', fingerprint, token: randomUUID() });
  }

  private keyOf(id: string): string {
    return `${this.options.namespace}:key:${id}`;
  }
}
