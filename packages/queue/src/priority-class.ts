/**
 * Those who wait in one priority class. Accounts take turns, weighed by cost (deficit round
 * robin, Shreedhar and Varghese 1995), so that who asks much waits behind himself and not
 * before everybody. Within an account the oldest comes first; once the queue stands and the
 * oldest has waited beyond the target, the newest does: fresh work meets its objective, and
 * of the late nothing is saved by making all others late as well (adaptive LIFO, "Fail at
 * Scale").
 */
import { Codel, type WaitTarget } from './codel.ts';
import { Flow, type Waiter } from './waiter.ts';

/** In a queue that stands: how many targets the oldest may have waited before the newest goes first. */
const LATE_TARGETS = 1.5;

export class PriorityClass {
  readonly name: string;
  readonly codel: Codel = new Codel();
  /** How many wait. */
  size: number = 0;
  private cost: number = 0;
  /** In the order of their turns: the first one's it is. */
  private readonly flows: Map<string | undefined, Flow> = new Map();
  /** The most that one who waits, or waited since the class was empty, costs. */
  private quantum: number = 1;

  constructor(name: string) {
    this.name = name;
  }

  /** How many accounts wait. */
  get accounts(): number {
    return this.flows.size;
  }

  flowOf(account: string | undefined): Flow | undefined {
    return this.flows.get(account);
  }

  add(waiter: Waiter, account: string | undefined, nowMs: number, target: WaitTarget): void {
    if (this.size === 0) this.codel.empty(nowMs, target);
    this.quantum = Math.max(this.quantum, waiter.cost);
    let flow = this.flows.get(account);
    if (flow === undefined) {
      flow = new Flow(account);
      flow.credit = this.quantum;
      this.flows.set(account, flow);
    }
    flow.add(waiter);
    this.size++;
    this.cost += waiter.cost;
  }

  /** Whose turn it is. */
  next(nowMs: number, { targetMs }: WaitTarget): Waiter | undefined {
    for (const flow of this.flows.values()) {
      const oldest = flow.oldest!;
      const late = this.codel.overloaded && nowMs - oldest.sinceMs > LATE_TARGETS * targetMs;
      const waiter = late ? flow.newest! : oldest;
      if (this.flows.size === 1 || flow.credit >= waiter.cost) return waiter;
      flow.credit += this.quantum;
      // A map keeps the order of insertion, and an iteration reaches what is added meanwhile.
      this.flows.delete(flow.account);
      this.flows.set(flow.account, flow);
    }
    return undefined;
  }

  /** One leaves for work. */
  take(waiter: Waiter, nowMs: number, target: WaitTarget): void {
    waiter.flow!.credit = Math.max(0, waiter.flow!.credit - waiter.cost);
    this.codel.note(nowMs - waiter.sinceMs, nowMs, target);
    this.remove(waiter);
  }

  /** One leaves, for whatever reason. */
  remove(waiter: Waiter): void {
    const flow = waiter.flow!;
    flow.remove(waiter);
    if (flow.size === 0) this.flows.delete(flow.account);
    this.size--;
    this.cost -= waiter.cost;
    if (this.size === 0) this.quantum = 1;
  }

  /** Units of cost that would come before one who came now. */
  ahead(cost: number, account: string | undefined): number {
    const own = this.flows.get(account);
    const accounts = this.flows.size + (own === undefined ? 1 : 0);
    if (accounts === 1) return this.cost;
    // In each round every account has its turn once: of the others no more comes first than of one's own.
    const rounds = (own?.cost ?? 0) + cost;
    return Math.min(this.cost, rounds * accounts - cost);
  }

  /** The newest of the account that has most waiting, if that is more than `than`. */
  newestOfLongest(than: number): Waiter | undefined {
    let longest: Flow | undefined;
    for (const flow of this.flows.values()) {
      if (flow.size > (longest?.size ?? than)) longest = flow;
    }
    return longest?.newest;
  }

  /** Everybody who waits. */
  *[Symbol.iterator](): Generator<Waiter> {
    for (const flow of this.flows.values()) {
      for (let at = flow.oldest; at !== undefined;) {
        // Whoever is looked at may leave.
        const { newer } = at;
        yield at;
        at = newer;
      }
    }
  }
}
