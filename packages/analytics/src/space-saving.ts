/**
 * Heavy hitters in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi 2005). It watches
 * `capacity` keys; one that it does not watch takes the place of the least, and inherits its
 * count, which becomes the bound of its error. Of N additions no count is too high by more than
 * N / capacity, and none too low. Summaries merge with the same bound (Agarwal and others,
 * "Mergeable Summaries", 2012; Cafaro, Pulimeno and Tempesta 2016).
 */

/** A key that is watched. */
export interface Hitter {
  readonly key: string;
  /** Never below the truth. */
  readonly count: number;
  /** By how much the count may be too high. */
  readonly over: number;
  /** Failures since it is watched: never above the truth. */
  readonly failures: number;
}

/** A summary as it is kept: hitters are `[key, count, over, failures]`. */
export interface SpaceSavingState {
  readonly total: number;
  readonly unwatched: number;
  readonly hitters: readonly (readonly [string, number, number, number])[];
}

interface Entry {
  key: string;
  count: number;
  over: number;
  failures: number;
  /** Its count when its place in the heap was last looked at; never above the count. */
  rank: number;
}

export class SpaceSaving {
  readonly capacity: number;
  /** All additions. */
  total: number = 0;
  /** No key that is not watched has been added more often than this. */
  unwatched: number = 0;
  private readonly entries: Map<string, Entry> = new Map();
  /** A heap by rank, the least first. Counts run ahead of ranks: an addition moves nothing. */
  private heap: Entry[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(key: string, failed: boolean): void {
    this.total++;
    const known = this.entries.get(key);
    if (known !== undefined) {
      known.count++;
      if (failed) known.failures++;
    } else if (this.heap.length < this.capacity) {
      const count = this.unwatched + 1;
      const entry = { key, count, over: this.unwatched, failures: failed ? 1 : 0, rank: count };
      this.entries.set(key, entry);
      this.heap.push(entry);
      this.siftUp(this.heap.length - 1);
    } else {
      const least = this.least();
      this.entries.delete(least.key);
      this.unwatched = least.count;
      least.key = key;
      least.over = least.count;
      least.count++;
      least.failures = failed ? 1 : 0;
      this.entries.set(key, least);
    }
  }

  /** Forgets a key. The total stays: it was counted. Says how often, at most, it had been added. */
  remove(key: string): number {
    const entry = this.entries.get(key);
    if (entry === undefined) return 0;
    this.entries.delete(key);
    this.rebuild([...this.entries.values()]);
    return entry.count;
  }

  /** Adds what another summary has seen. */
  merge(other: SpaceSavingState): void {
    const mine = this.unwatched;
    const merged = new Map<string, Entry>();
    for (const { key, count, over, failures } of this.entries.values()) {
      merged.set(key, entryOf(key, count + other.unwatched, over + other.unwatched, failures));
    }
    for (const [key, count, over, failures] of other.hitters) {
      const known = merged.get(key);
      merged.set(
        key,
        known === undefined
          ? entryOf(key, count + mine, over + mine, failures)
          : entryOf(
              key,
              known.count + count - other.unwatched,
              known.over + over - other.unwatched,
              known.failures + failures,
            ),
      );
    }
    const ordered = [...merged.values()].toSorted(byCount);
    const dropped = ordered[this.capacity];
    this.total += other.total;
    this.unwatched = Math.max(mine + other.unwatched, dropped?.count ?? 0);
    this.rebuild(ordered.slice(0, this.capacity));
  }

  /** What is watched, the most frequent first. */
  hitters(): readonly Hitter[] {
    return [...this.entries.values()].toSorted(byCount);
  }

  state(): SpaceSavingState {
    return {
      total: this.total,
      unwatched: this.unwatched,
      hitters: this.hitters().map(({ key, count, over, failures }) => [key, count, over, failures]),
    };
  }

  private rebuild(entries: Entry[]): void {
    this.entries.clear();
    for (const entry of entries) {
      entry.rank = entry.count;
      this.entries.set(entry.key, entry);
    }
    // What is in ascending order is a heap.
    this.heap = entries.toSorted((one, other) => one.rank - other.rank);
  }

  /** The entry of the least count: ranks are brought up to date only as far as that needs. */
  private least(): Entry {
    for (;;) {
      const root = this.heap[0]!;
      if (root.rank === root.count) return root;
      root.rank = root.count;
      this.siftDown();
    }
  }

  private siftUp(from: number): void {
    const { heap } = this;
    const entry = heap[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.rank <= entry.rank) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  private siftDown(): void {
    const { heap } = this;
    const entry = heap[0]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.rank < heap[child]!.rank) child++;
      if (heap[child]!.rank >= entry.rank) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = entry;
  }
}

function entryOf(key: string, count: number, over: number, failures: number): Entry {
  return { key, count, over, failures, rank: count };
}

/** Ties are decided by the key, so that the same summaries merge into the same. */
function byCount(one: Entry, other: Entry): number {
  return other.count - one.count || (one.key < other.key ? -1 : 1);
}
