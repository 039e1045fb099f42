/**
 * What has been noted against whom. Points count in full until the window that began with the
 * first of them is over, and fade over the next one. Whoever was noted least recently is
 * forgotten first, so that a flood of addresses takes no more memory than it may; nothing is
 * set aside for it before.
 */
import { LRUCache } from 'lru-cache';

interface Score {
  /** When its window began, in monotonic ms. */
  sinceMs: number;
  /** In this window. */
  points: number;
  /** In the one before. */
  before: number;
}

export class Scores {
  private readonly windowMs: number;
  private readonly scores: LRUCache<string, Score>;

  constructor(windowMs: number, maxEntries: number) {
    this.windowMs = windowMs;
    this.scores = new LRUCache({ maxSize: maxEntries, sizeCalculation: () => 1 });
  }

  get size(): number {
    return this.scores.size;
  }

  /** Adds points, and answers what there are now. */
  add(key: string, points: number, nowMs: number): number {
    let score = this.scores.get(key);
    if (score === undefined) {
      score = { sinceMs: nowMs, points: 0, before: 0 };
      this.scores.set(key, score);
    }
    const windows = Math.floor((nowMs - score.sinceMs) / this.windowMs);
    if (windows > 0) {
      score.before = windows === 1 ? score.points : 0;
      score.points = 0;
      score.sinceMs = windows === 1 ? score.sinceMs + this.windowMs : nowMs;
    }
    score.points += points;
    const leftRatio = 1 - (nowMs - score.sinceMs) / this.windowMs;
    return score.points + score.before * leftRatio;
  }

  forget(key: string): void {
    this.scores.delete(key);
  }

  clear(): void {
    this.scores.clear();
  }
}
