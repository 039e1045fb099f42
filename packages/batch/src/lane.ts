/**
 * A lane gathers loads into batches and sends them off: the loads of one scope, or of all
 * requests of a partition. While nothing of it is under way, a batch leaves with the last promise
 * job of the tick, so that loads that follow from each other's results still go together.
 * While something is, an adaptive lane lets the next batch grow until that has landed.
 */
import { brokenContract, faultOf } from './batch-function.ts';
import { Batch, Context, type Entry, type Owner } from './batch-of-loads.ts';
import { landing, type Traffic } from './traffic.ts';
import type { Waiter } from './window-timer.ts';

export class Lane<K, V> implements Waiter {
  dueMs: number = Number.POSITIVE_INFINITY;
  private readonly traffic: Traffic<K, V>;
  private readonly shareKeys: boolean;
  private readonly onIdle: (() => void) | undefined;
  private gathering: Batch<K, V> | undefined = undefined;
  private readonly batches: Batch<K, V>[] = [];
  private flights: number = 0;

  /** `shareKeys`: loads of one key by several owners are one key. `onIdle`: nothing gathers or flies. */
  constructor(traffic: Traffic<K, V>, shareKeys: boolean, onIdle?: () => void) {
    this.traffic = traffic;
    this.shareKeys = shareKeys;
    this.onIdle = onIdle;
  }

  /** Whether loads gather or are under way. */
  get busy(): boolean {
    return this.batches.length > 0;
  }

  /** Puts a key into the batch that gathers. */
  add(owner: Owner | undefined, key: K, cacheKey: unknown): Entry<V> {
    const { statistics, options } = this.traffic;
    let batch = this.gathering;
    const sharing = batch?.known?.get(cacheKey);
    // Without a request nobody gives up alone: the promise itself can be shared.
    if (sharing !== undefined && owner === undefined && sharing.owner === undefined) {
      statistics.loadsTotal++;
      statistics.dedupedTotal++;
      return sharing;
    }
    if (
      batch === undefined ||
      (sharing === undefined && batch.keys.length >= options.maxBatchSize)
    ) {
      batch = this.open();
    }
    let at: number;
    if (sharing === undefined) {
      at = batch.keys.push(key) - 1;
    } else {
      at = sharing.at;
      statistics.dedupedTotal++;
    }
    let resolve: Entry<V>['resolve'] | undefined;
    let reject: Entry<V>['reject'] | undefined;
    const promise = new Promise<V>((give, refuse) => {
      resolve = give;
      reject = refuse;
    });
    // A literal: fields of a class would cost as much as all the rest.
    const entry: Entry<V> = {
      promise,
      resolve: resolve!,
      reject: reject!,
      owner,
      batch,
      at,
      abandoned: false,
    };
    if (sharing === undefined) batch.known?.set(cacheKey, entry);
    batch.entries.push(entry);
    statistics.pending++;
    if (!batch.leaving) this.mayLeave(batch, owner);
    return entry;
  }

  /** A load of what its scope knows already, or has asked for. */
  join(entry: Entry<V>): Promise<V> {
    const { statistics, options } = this.traffic;
    statistics.loadsTotal++;
    if (this.gathers(entry)) {
      statistics.dedupedTotal++;
      return entry.promise;
    }
    statistics.hitsTotal++;
    // It lands with the batch that gathers: what follows from both goes together again.
    let batch = this.gathering;
    if (batch === undefined || batch.keys.length >= options.maxBatchSize) batch = this.open();
    const joined = batch;
    return new Promise((resolve) => {
      joined.addHit(() => resolve(entry.promise));
    });
  }

  /** Whether an entry is part of the batch that gathers. */
  gathers({ batch }: Entry<V>): boolean {
    return batch !== undefined && batch === this.gathering;
  }

  /** Rejects what `owner` waits for. */
  abandon(owner: Owner, reason: unknown): void {
    const { statistics } = this.traffic;
    for (const batch of this.batches) {
      const count = batch.abandon(owner, reason);
      statistics.abandonedTotal += count;
      statistics.pending -= count;
    }
  }

  /** The window is over. */
  leave(): void {
    if (this.gathering?.leaving === false) this.dispatch(this.gathering);
  }

  private open(): Batch<K, V> {
    const { adaptive, closed, options, timer } = this.traffic;
    const batch = new Batch<K, V>(this.shareKeys);
    this.gathering = batch;
    this.batches.push(batch);
    if (adaptive && this.flights > 0 && !closed) {
      batch.waitsSinceMs = options.clock.monotonicMs();
      this.dueMs = batch.waitsSinceMs + options.windowMs;
      timer.add(this);
    } else {
      this.schedule(batch);
    }
    return batch;
  }

  /** A batch that waits leaves when it is full, and ahead of the earliest deadline. */
  private mayLeave(batch: Batch<K, V>, owner: Owner | undefined): void {
    const { options, timer } = this.traffic;
    if (batch.keys.length >= options.maxBatchSize) {
      this.release(batch);
      return;
    }
    const deadlineMs = owner?.exchange?.deadlineMs;
    if (deadlineMs === undefined || deadlineMs - options.deadlineMarginMs >= this.dueMs) return;
    this.dueMs = deadlineMs - options.deadlineMarginMs;
    if (this.dueMs <= options.clock.monotonicMs()) this.release(batch);
    else timer.add(this);
  }

  /** Ends the wait. */
  private release(batch: Batch<K, V>): void {
    this.traffic.timer.remove(this);
    this.schedule(batch);
  }

  private schedule(batch: Batch<K, V>): void {
    batch.leaving = true;
    this.traffic.schedule(() => this.dispatch(batch));
  }

  private dispatch(batch: Batch<K, V>): void {
    if (batch.flying) return;
    const { load, options, statistics, listeners } = this.traffic;
    batch.leaving = true;
    batch.flying = true;
    if (this.gathering === batch) this.gathering = undefined;
    statistics.loadsTotal += batch.entries.length;
    batch.prune();
    const { keys } = batch;
    if (keys.length === 0) {
      batch.landHits();
      this.remove(batch);
      return;
    }
    this.flights++;
    statistics.batchesTotal++;
    statistics.keysTotal += keys.length;
    if (batch.waitsSinceMs !== -1 || listeners.listening) {
      batch.leftMs = options.clock.monotonicMs();
      if (batch.waitsSinceMs === -1) batch.waitsSinceMs = batch.leftMs;
      else statistics.waitedBatchesTotal++;
      statistics.waitedMsTotal += batch.leftMs - batch.waitsSinceMs;
    }
    try {
      const loading: unknown = load(keys, new Context(batch, batch.entries[0]?.owner));
      if (typeof (loading as Partial<Promise<unknown>> | null | undefined)?.then !== 'function') {
        throw brokenContract(options.name, 'returned', loading);
      }
      Promise.resolve(loading).then(
        (values) => this.land(batch, values),
        (error: unknown) => this.fail(batch, error),
      );
    } catch (error) {
      this.fail(batch, error);
    }
  }

  private land(batch: Batch<K, V>, values: unknown): void {
    const fault = faultOf(this.traffic.options.name, values, batch.keys.length);
    if (fault !== undefined) {
      this.fail(batch, fault);
      return;
    }
    this.traffic.statistics.pending -= batch.live;
    batch.landHits();
    for (const entry of batch.entries) {
      if (entry.abandoned) continue;
      const value = (values as readonly (V | Error)[])[entry.at] as V | Error;
      if (value instanceof Error) entry.reject(value);
      else entry.resolve(value);
    }
    this.landed(batch, undefined);
  }

  /** The batch as a whole failed: that is no answer to any of its keys, and is not remembered. */
  private fail(batch: Batch<K, V>, error: unknown): void {
    const { statistics } = this.traffic;
    statistics.failedBatchesTotal++;
    statistics.pending -= batch.live;
    batch.landHits();
    for (const entry of batch.entries) {
      if (entry.abandoned) continue;
      entry.owner?.forget(batch.keys[entry.at], entry);
      entry.reject(error);
    }
    this.landed(batch, error);
  }

  private landed(batch: Batch<K, V>, error: unknown): void {
    const { listeners, options } = this.traffic;
    if (listeners.listening) listeners.tell(landing(batch, options, error));
    this.flights--;
    batch.drop();
    this.remove(batch);
    // What follows from these results is loaded in the promise jobs that come now, and goes along.
    if (this.flights === 0 && this.gathering?.leaving === false) this.release(this.gathering);
  }

  private remove(batch: Batch<K, V>): void {
    const { batches } = this;
    if (batches.length === 1) batches.pop();
    else batches.splice(batches.indexOf(batch), 1);
    if (batches.length === 0) this.onIdle?.();
  }
}
