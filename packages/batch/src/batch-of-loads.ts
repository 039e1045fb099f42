/** A batch: the keys that go together, and who waits for them. */
import type { Exchange } from '@org/core';

import type { BatchContext } from './batch-function.ts';

/** Who loads: a scope, with a request or without. */
export interface Owner {
  readonly exchange: Exchange | undefined;
  readonly transaction: object | undefined;
  /** The entry failed with its whole batch, which says nothing of its key: it is to be asked for again. */
  forget(key: unknown, entry: object): void;
}

/** One load of one key, from the first call on; further loads of the scope share it. */
export interface Entry<V> {
  readonly promise: Promise<V>;
  readonly resolve: (value: V) => void;
  readonly reject: (reason: unknown) => void;
  readonly owner: Owner | undefined;
  /** The batch that it is part of; absent for a value that was primed. */
  readonly batch: object | undefined;
  /** Where its key stands among those of the batch. */
  at: number;
  /** Its owner waits for it no longer, and it has been rejected. */
  abandoned: boolean;
}

/** An entry for what is known from elsewhere. */
export function primedEntry<V>(promise: Promise<V>, owner: Owner): Entry<V> {
  const [resolve, reject, batch] = [NOTHING, NOTHING, undefined];
  return { promise, resolve, reject, owner, batch, at: 0, abandoned: false };
}

/** A batch from its first load to its landing. */
export class Batch<K, V> {
  keys: K[] = [];
  entries: Entry<V>[] = [];
  /** The entry of each key, where the lane lets several owners share keys. */
  readonly known: Map<unknown, Entry<V>> | undefined;
  private abandoned: number = 0;
  /** When it began to wait for more, in monotonic ms; -1 if it does not. */
  waitsSinceMs: number = -1;
  /** When it left, in monotonic ms; -1 where nobody wants to know. */
  leftMs: number = -1;
  /** It will leave, or has left: it waits no longer. */
  leaving: boolean = false;
  flying: boolean = false;
  private hits: (() => void)[] | undefined = undefined;
  private controller: AbortController | undefined = undefined;

  constructor(shareKeys: boolean) {
    this.known = shareKeys ? new Map() : undefined;
  }

  /** How many loads are still waited for. */
  get live(): number {
    return this.entries.length - this.abandoned;
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.flying && this.live === 0) this.controller.abort();
    return this.controller.signal;
  }

  /** A load of what is known already lands with the batch, so that what follows from both goes together again. */
  addHit(land: () => void): void {
    (this.hits ??= []).push(land);
  }

  landHits(): void {
    if (this.hits === undefined) return;
    for (const land of this.hits) land();
  }

  /** Rejects what `owner` waits for, and returns how much that was; the others' loads go on. */
  abandon(owner: Owner, reason: unknown): number {
    let count = 0;
    for (const entry of this.entries) {
      if (entry.owner !== owner || entry.abandoned) continue;
      entry.abandoned = true;
      // Nobody may be listening any more, and a client that leaves must not end the process.
      entry.promise.catch(NOTHING);
      entry.reject(reason);
      count++;
    }
    this.abandoned += count;
    if (this.live === 0 && this.flying) this.controller?.abort(reason);
    return count;
  }

  /** Lets go of what has landed: entries that are kept in a cache must not keep each other alive. */
  drop(): void {
    this.abandoned = 0;
    this.keys = NONE;
    this.entries = NONE;
    this.known?.clear();
    this.hits = undefined;
  }

  /** Leaves out the keys that nobody waits for any more. */
  prune(): void {
    if (this.abandoned === 0) return;
    this.abandoned = 0;
    const { keys } = this;
    this.entries = this.entries.filter(({ abandoned }) => !abandoned);
    const kept = new Map<number, number>();
    this.keys = [];
    for (const entry of this.entries) {
      let at = kept.get(entry.at);
      if (at === undefined) {
        at = this.keys.push(keys[entry.at]!) - 1;
        kept.set(entry.at, at);
      }
      entry.at = at;
    }
  }
}

/** What a batch function gets to see of its batch. */
export class Context implements BatchContext {
  readonly exchange: Exchange | undefined;
  readonly transaction: object | undefined;
  private readonly batch: { readonly signal: AbortSignal };

  constructor(batch: { readonly signal: AbortSignal }, owner: Owner | undefined) {
    this.batch = batch;
    this.exchange = owner?.exchange;
    this.transaction = owner?.transaction;
  }

  /** Made only if somebody reads it. */
  get signal(): AbortSignal {
    return this.batch.signal;
  }
}

const NONE: never[] = Object.freeze([]) as never;

function NOTHING(): void {
  // Nobody waits.
}
