/**
 * Who asks for the most, in bounded space: the Space-Saving algorithm (Metwally, Agrawal and El
 * Abbadi 2005). A key that has no counter takes over the smallest, with what it holds as its
 * error. So what a key asked for is at most what its counter says, and at least that less the
 * error; whoever asks for more than a `maxKeys`th of everything is in it. Counts are halved every
 * five minutes: who was busy yesterday is not who is busy now.
 */

/** One of those who ask for the most. */
export interface Consumer {
  readonly key: string;
  /** Units asked for, refused ones as well, in about the last ten minutes; at most so many. */
  readonly units: number;
  /** By how much that may be too high. */
  readonly error: number;
  /** Units of those that were refused, since it has had its counter. */
  readonly refused: number;
}

const HALVED_EVERY_MS = 300_000;

interface Counter {
  key: string;
  units: number;
  error: number;
  refused: number;
}

export class TopConsumers {
  private readonly maxKeys: number;
  private readonly counters: Map<string, Counter> = new Map();
  private readonly list: Counter[] = [];
  private halvedMs: number = Number.NEGATIVE_INFINITY;
  /** No counter is below it, and those before `next` are above it. */
  private least: number = 0;
  private next: number = 0;

  constructor(maxKeys: number) {
    this.maxKeys = maxKeys;
  }

  note(key: string, units: number, refused: boolean, nowMs: number): void {
    if (this.maxKeys === 0) return;
    if (nowMs - this.halvedMs >= HALVED_EVERY_MS) this.halve(nowMs);
    const counter = this.counters.get(key) ?? this.counterFor(key);
    counter.units += units;
    if (refused) counter.refused += units;
  }

  /** The first so many, most units first. */
  top(count: number): readonly Consumer[] {
    return this.list
      .map(({ key, units, error, refused }) => ({ key, units, error, refused }))
      .toSorted((one, other) => other.units - one.units)
      .slice(0, count);
  }

  private counterFor(key: string): Counter {
    if (this.list.length < this.maxKeys) {
      const fresh: Counter = { key, units: 0, error: 0, refused: 0 };
      this.list.push(fresh);
      this.counters.set(key, fresh);
      return fresh;
    }
    const counter = this.smallest();
    this.counters.delete(counter.key);
    counter.key = key;
    counter.error = counter.units;
    counter.refused = 0;
    this.counters.set(key, counter);
    return counter;
  }

  /** Counters only grow, so the smallest is mostly the next of those that were as small as it. */
  private smallest(): Counter {
    for (; this.next < this.list.length; this.next++) {
      const counter = this.list[this.next]!;
      if (counter.units <= this.least) return counter;
    }
    this.least = Math.min(...this.list.map(({ units }) => units));
    this.next = 0;
    return this.smallest();
  }

  private halve(nowMs: number): void {
    const times = Math.min(
      64,
      Number.isFinite(this.halvedMs) ? Math.floor((nowMs - this.halvedMs) / HALVED_EVERY_MS) : 0,
    );
    this.halvedMs = nowMs;
    for (const counter of this.list) {
      counter.units = Math.floor(counter.units / 2 ** times);
      counter.error = Math.floor(counter.error / 2 ** times);
      counter.refused = Math.floor(counter.refused / 2 ** times);
    }
    this.least = 0;
    this.next = 0;
  }
}
