/**
 * Breakers by name, and no more of them than may be. Names may come from outside, such as hosts,
 * so when one more is needed a closed one goes that nobody has used lately: nothing is lost with
 * it. Only where there is none, the oldest goes.
 */
import { addCounts, type Counts, noCounts } from './counts.ts';
import type { Guard } from './guard.ts';

export class Pool {
  evictedTotal: number = 0;
  /** What was counted by those that are gone. */
  readonly past: Counts = noCounts();
  private readonly maxBreakers: number;
  private readonly make: (name: string) => Guard;
  private readonly guards: Map<string, Guard> = new Map();

  constructor(maxBreakers: number, make: (name: string) => Guard) {
    this.maxBreakers = maxBreakers;
    this.make = make;
  }

  /** Those there are. */
  all(): IterableIterator<Guard> {
    return this.guards.values();
  }

  /** The guard of a name, if there is one. */
  find(name: string): Guard | undefined {
    return this.guards.get(name);
  }

  /** The guard of a name; the first who asks makes it. */
  get(name: string): Guard {
    const known = this.guards.get(name);
    if (known !== undefined) {
      known.used = true;
      return known;
    }
    if (this.guards.size >= this.maxBreakers) this.evict();
    const guard = this.make(name);
    this.guards.set(name, guard);
    return guard;
  }

  private evict(): void {
    const [name, guard] = this.dispensable() ?? [...this.guards.entries()][0]!;
    this.guards.delete(name);
    addCounts(this.past, guard.machine.counts);
    this.evictedTotal++;
    guard.machine.dispose();
  }

  /** Each gets a second chance: who was used since the last round is looked at again after the others. */
  private dispensable(): [string, Guard] | undefined {
    let looks = this.guards.size * 2;
    for (const [name, guard] of this.guards) {
      if (looks-- === 0) return undefined;
      const { kind, inflight } = guard.machine;
      if (kind === 'closed' && inflight === 0 && !guard.used) return [name, guard];
      guard.used = false;
      this.guards.delete(name);
      this.guards.set(name, guard);
    }
    return undefined;
  }
}
