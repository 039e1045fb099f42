/**
 * The records of keys in a store that several processes may share. A claim has a token of its
 * own, and its record is only ever replaced by comparing all of its bytes: an original that comes
 * late cannot write over what has taken its place (a fencing token). An owner that is lost is
 * known by its lease; nothing has to be cleaned up before a key can be resolved.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '@org/core';

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

/** A key that this instance works for. */
export class Claim {
  readonly asked: KeyedRequest;
  /** Its owner before was lost. */
  readonly retaken: boolean;
  /** When nobody waits for it any longer, in monotonic ms. */
  readonly giveUpMs: number;
  /** What the store holds while nobody has taken its place. */
  bytes: Uint8Array;
  /** The handler runs for it, or has run. */
  begun: boolean = false;
  /** What the store should hold, and could not be told yet. */
  owed: { readonly next: Uint8Array | undefined } | undefined = undefined;
  /** The write that was begun last. */
  lastWrite: Promise<Written> | undefined = undefined;

  constructor(asked: KeyedRequest, bytes: Uint8Array, retaken: boolean, giveUpMs: number) {
    this.asked = asked;
    this.bytes = bytes;
    this.retaken = retaken;
    this.giveUpMs = giveUpMs;
  }
}

/** What became of an attempt to claim a key. */
export type Verdict =
  | { readonly is: 'claimed'; readonly claim: Claim }
  | { readonly is: 'finished'; readonly answer: KeptAnswer }
  | { readonly is: 'mismatch' | 'in-flight' | 'indeterminate' };

/** Whose place in the store a write found: its own, or a successor's. */
export type Written = 'written' | 'overtaken' | 'owed';

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

/** The most claims that may or may not have reached a store that failed. */
const MAX_DOUBTFUL = 1000;

/** The records of one instance. */
export class Ledger {
  private readonly options: LedgerOptions;
  private readonly owner: Ownership;
  /** Keys under way here. */
  private readonly running: Map<string, Claim> = new Map();
  /** Claims that the store is owed a write of. */
  private readonly owing: Set<Claim> = new Set();
  private paying: boolean = false;

  constructor(options: LedgerOptions) {
    this.options = options;
    const { store, namespace, leaseMs, clock } = options;
    this.owner = new Ownership({
      store,
      namespace,
      leaseMs,
      clock,
      onBeat: () => {
        this.forgetHung();
        void this.payAll();
        return this.running.size + this.owing.size > 0;
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
    const claim = this.newClaim(asked, false);
    try {
      const found = store.claim(this.keyOf(asked.id), claim.bytes, retentionMs);
      const present = found instanceof Promise ? await found : found;
      return present === undefined ? this.begin(claim) : await this.judge(asked, present, 1);
    } catch (error) {
      // It may have got there all the same, and must not stand for somebody at work.
      if (this.owing.size < MAX_DOUBTFUL) this.owe(claim, undefined);
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
    this.owing.clear();
  }

  private get nowMs(): number {
    return this.options.clock.monotonicMs();
  }

  private newClaim(asked: KeyedRequest, retaken: boolean): Claim {
    const giveUpMs = this.nowMs + this.options.maxRunMs;
    return new Claim(asked, this.runningBytes(asked), retaken, giveUpMs);
  }

  private begin(claim: Claim): Verdict {
    claim.begun = true;
    this.running.set(claim.asked.id, claim);
    return { is: 'claimed', claim };
  }

  private async judge(asked: KeyedRequest, present: Uint8Array, attempt: number): Promise<Verdict> {
    const record = decodeRecord(present);
    if (record.fingerprint !== asked.fingerprint) return { is: 'mismatch' };
    if (record.state === 'finished') return { is: 'finished', answer: record };
    if (record.state === 'indeterminate') return { is: 'indeterminate' };
    if (!(await this.isLost(record))) return { is: 'in-flight' };
    return this.options.retryLost ? this.retake(asked, present, attempt) : { is: 'indeterminate' };
  }

  /** Takes the place of an owner that is lost; of several who try, one does. */
  private async retake(asked: KeyedRequest, lost: Uint8Array, attempt: number): Promise<Verdict> {
    const { store, retentionMs } = this.options;
    const key = this.keyOf(asked.id);
    const claim = this.newClaim(asked, true);
    if (await store.compareAndSet(key, lost, claim.bytes, retentionMs)) return this.begin(claim);
    if (attempt === MAX_ATTEMPTS) return { is: 'in-flight' };
    const present = await store.claim(key, claim.bytes, retentionMs);
    return present === undefined ? this.begin(claim) : this.judge(asked, present, attempt + 1);
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
      const done = store.compareAndSet(this.keyOf(claim.asked.id), claim.bytes, next, retentionMs);
      const isOurs = done instanceof Promise ? await done : done;
      return this.wrote(claim, next, isOurs ? 'written' : 'overtaken');
    } catch {
      this.owe(claim, next);
      return 'owed';
    }
  }

  private wrote(claim: Claim, next: Uint8Array | undefined, written: Written): Written {
    claim.owed = undefined;
    this.owing.delete(claim);
    if (written === 'written' && next !== undefined) claim.bytes = next;
    if (this.running.get(claim.asked.id) === claim) this.running.delete(claim.asked.id);
    return written;
  }

  private owe(claim: Claim, next: Uint8Array | undefined): void {
    claim.owed = { next };
    this.owing.add(claim);
  }

  /** The oldest stand first: of those who never come to an end nothing is kept here. */
  private forgetHung(): void {
    for (const [id, { giveUpMs }] of this.running) {
      if (giveUpMs > this.nowMs) return;
      this.running.delete(id);
    }
  }

  /** Tells the store what it could not be told, with every beat until it has been. */
  private async payAll(): Promise<void> {
    if (this.paying || this.owing.size === 0) return;
    this.paying = true;
    try {
      for (const claim of this.owing) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other: a store that has just come back is not flooded
        const written = await this.pay(claim);
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
    const key = this.keyOf(claim.asked.id);
    const next = claim.owed?.next;
    if (await store.compareAndSet(key, claim.bytes, next, retentionMs)) {
      return this.wrote(claim, next, 'written');
    }
    // The write that seemed to fail may have got there.
    const present = await store.get(key);
    const isThere =
      present === undefined || next === undefined
        ? present === next
        : Buffer.compare(present, next) === 0;
    return this.wrote(claim, next, isThere ? 'written' : 'overtaken');
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
