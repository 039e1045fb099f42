/**
 * What has been invalidated, and when: one running count, and for each tag the count
 * at which it was invalidated last. An answer remembers the count from before the
 * application was asked, so that one that an invalidation overtook is known as well.
 * No list of keys is kept. Bounded: of tags that were forgotten only the latest count
 * is known, and whatever is older counts as invalidated, which is safe.
 */
import { LRUCache } from 'lru-cache';

/** How an answer stands: good, to be confirmed before the next use, or gone. */
export type Standing = 'good' | 'soft' | 'hard';

interface Mark {
  hard: number;
  soft: number;
}

/** The most tags whose invalidation is remembered. */
const MAX_TAGS = 50_000;

export class Invalidations {
  /** Grows with each invalidation. */
  epoch: number = 0;
  private forgotten: number = -1;
  private readonly marks: LRUCache<string, Mark>;

  constructor() {
    this.marks = new LRUCache<string, Mark>({
      maxSize: MAX_TAGS,
      sizeCalculation: () => 1,
      dispose: ({ hard, soft }, _tag, reason) => {
        if (reason === 'evict') this.forgotten = Math.max(this.forgotten, hard, soft);
      },
    });
  }

  /** Everything with one of these tags that was asked for before now is out of date. */
  mark(tags: readonly string[], soft: boolean): void {
    this.epoch++;
    for (const tag of tags) {
      const mark = this.marks.get(tag) ?? { hard: -1, soft: -1 };
      if (soft) mark.soft = this.epoch;
      else mark.hard = this.epoch;
      this.marks.set(tag, mark);
    }
  }

  /** Everything that was asked for before now is out of date. */
  markAll(): void {
    this.forgotten = ++this.epoch;
    this.marks.clear();
  }

  /** How what has these tags and was asked for at `stamp` stands. */
  standing(tags: readonly string[], stamp: number): Standing {
    if (stamp < this.forgotten) return 'hard';
    let standing: Standing = 'good';
    for (const tag of tags) {
      const mark = this.marks.get(tag);
      if (mark === undefined) continue;
      if (mark.hard > stamp) return 'hard';
      if (mark.soft > stamp) standing = 'soft';
    }
    return standing;
  }
}
