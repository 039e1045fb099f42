/**
 * The order of those who wait: classes by urgency, with aging. A class stands behind the one
 * above it as if its requests had come `agingMs` later: the urgent go first, and nobody
 * waits for ever behind them, because those who come that much later stand behind. Within a
 * class see `priority-class.ts`.
 */
import type { WaitTarget } from './codel.ts';
import { Pace, type WorkTime } from './pace.ts';
import { PriorityClass } from './priority-class.ts';
import type { Waiter } from './waiter.ts';

/** In a queue that stands: how many targets anybody may wait. */
const SURPLUS_TARGETS = 2;

export class WaitingLine {
  /** Most urgent first; a class' index is its rank. */
  readonly classes: readonly PriorityClass[];
  /** How many wait. */
  size: number = 0;
  private readonly agingMs: number;
  /** By rank: at what pace work leaves that is no more urgent, which would let one of that rank go first. */
  private readonly paces: readonly Pace[];
  /** By rank: how many wait who are no more urgent. */
  private readonly sizes: number[];

  constructor(classes: readonly string[], agingMs: number) {
    this.classes = classes.map((name) => new PriorityClass(name));
    this.agingMs = agingMs;
    this.paces = classes.map(() => new Pace());
    this.sizes = classes.map(() => 0);
  }

  /** Some class stands. */
  get overloaded(): boolean {
    return this.classes.some(({ codel }) => codel.overloaded);
  }

  add(waiter: Waiter, account: string | undefined, nowMs: number, target: WaitTarget): void {
    this.classes[waiter.rank]!.add(waiter, account, nowMs, target);
    this.size++;
    for (let rank = 0; rank <= waiter.rank; rank++) {
      if (this.sizes[rank]!++ === 0) this.paces[rank]!.begin(nowMs);
    }
  }

  /** Whose turn it is, over all classes. */
  next(nowMs: number, target: WaitTarget): Waiter | undefined {
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
  nextOf(rank: number, nowMs: number, target: WaitTarget): Waiter | undefined {
    const one = this.classes[rank]!;
    return one.size === 0 ? undefined : one.next(nowMs, target);
  }

  /**
   * Whether one has waited so long in a class that stands that it is to go: twice the target,
   * and besides what its class is put back, while somebody more urgent waits.
   */
  isSurplus({ sinceMs, rank }: Waiter, nowMs: number, { targetMs }: WaitTarget): boolean {
    if (!this.classes[rank]!.codel.overloaded) return false;
    const lateMs = nowMs - sinceMs - SURPLUS_TARGETS * targetMs;
    return lateMs > 0 && lateMs > (this.hasMoreUrgentThan(rank) ? rank * this.agingMs : 0);
  }

  /** One leaves for work. */
  take(waiter: Waiter, nowMs: number, load: WaitTarget & WorkTime): void {
    for (let rank = 0; rank <= waiter.rank; rank++)
      this.paces[rank]!.took(waiter.cost, nowMs, load);
    this.classes[waiter.rank]!.take(waiter, nowMs, load);
    this.left(waiter.rank, nowMs);
  }

  /** One leaves, for whatever reason. */
  remove(waiter: Waiter, nowMs: number): void {
    this.classes[waiter.rank]!.remove(waiter);
    this.left(waiter.rank, nowMs);
  }

  /**
   * How long one who came now would wait, in ms: what is ahead of it in its class, at the pace
   * at which it goes on.
   */
  predictMs(
    rank: number,
    cost: number,
    account: string | undefined,
    nowMs: number,
    work: WorkTime,
  ): number {
    const ahead = this.classes[rank]!.ahead(cost, account);
    return ahead === 0 ? 0 : ahead * this.paces[rank]!.estimateMs(nowMs, work);
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

  private left(from: number, nowMs: number): void {
    this.size--;
    for (let rank = 0; rank <= from; rank++) {
      if (--this.sizes[rank]! === 0) this.paces[rank]!.end(nowMs);
    }
  }

  private hasMoreUrgentThan(rank: number): boolean {
    for (let above = 0; above < rank; above++) if (this.classes[above]!.size > 0) return true;
    return false;
  }
}
