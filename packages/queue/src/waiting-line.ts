/**
 * The order of those who wait: classes by urgency, with aging. A class stands behind the one
 * above it as if its requests had come `agingMs` later: the urgent go first, and nobody
 * waits for ever behind them, because those who come that much later stand behind. Within a
 * class see `priority-class.ts`.
 */
import type { CodelTarget } from './codel.ts';
import { PriorityClass } from './priority-class.ts';
import type { Waiter } from './waiter.ts';

export class WaitingLine {
  /** Most urgent first; a class' index is its rank. */
  readonly classes: readonly PriorityClass[];
  /** How many wait. */
  size: number = 0;
  private readonly agingMs: number;

  constructor(classes: readonly string[], agingMs: number) {
    this.classes = classes.map((name) => new PriorityClass(name));
    this.agingMs = agingMs;
  }

  /** Some class stands. */
  get overloaded(): boolean {
    return this.classes.some(({ codel }) => codel.overloaded);
  }

  add(waiter: Waiter, account: string | undefined, nowMs: number): void {
    this.classes[waiter.rank]!.add(waiter, account, nowMs);
    this.size++;
  }

  /** Whose turn it is, over all classes. */
  next(nowMs: number, target: CodelTarget): Waiter | undefined {
    let first: Waiter | undefined;
    let firstMs = Number.POSITIVE_INFINITY;
    for (let rank = 0; rank < this.classes.length; rank++) {
      const waiter = this.nextOf(rank, nowMs, target);
      if (waiter === undefined) continue;
      const asIfSinceMs = waiter.sinceMs + rank * this.agingMs;
      if (asIfSinceMs < firstMs) {
        firstMs = asIfSinceMs;
        first = waiter;
      }
    }
    return first;
  }

  /** Whose turn it is within a class. */
  nextOf(rank: number, nowMs: number, target: CodelTarget): Waiter | undefined {
    const one = this.classes[rank]!;
    return one.size === 0 ? undefined : one.next(nowMs, target);
  }

  /**
   * Whether one has waited so long in a class that stands that it is to go: twice the target,
   * besides what its class is put back behind the first.
   */
  isSurplus({ sinceMs, rank }: Waiter, nowMs: number, { targetMs }: CodelTarget): boolean {
    return (
      this.classes[rank]!.codel.overloaded && nowMs - sinceMs - rank * this.agingMs > 2 * targetMs
    );
  }

  /** One leaves for work. */
  take(waiter: Waiter, nowMs: number, target: CodelTarget): void {
    this.classes[waiter.rank]!.take(waiter, nowMs, target);
    this.size--;
  }

  /** One leaves, for whatever reason. */
  remove(waiter: Waiter, nowMs: number): void {
    this.classes[waiter.rank]!.remove(waiter, nowMs);
    this.size--;
  }

  /**
   * Who makes place for a newcomer in a full line: the newest of the least urgent class below
   * its own; in its own, the newest of an account that has more waiting than the newcomer's
   * would have. Nobody, if there is none.
   */
  victim(rank: number, account: string | undefined): Waiter | undefined {
    for (let below = this.classes.length - 1; below > rank; below--) {
      const waiter = this.classes[below]!.newestOfLongest(0);
      if (waiter !== undefined) return waiter;
    }
    const own = this.classes[rank]!;
    // As many accounts as waiters: none has more than one.
    if (own.size === own.accounts) return undefined;
    return own.newestOfLongest((own.flowOf(account)?.size ?? 0) + 1);
  }
}
