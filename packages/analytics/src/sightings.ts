/** One consumer in summaries that may not have watched it all the time. */
import type { ConsumerUse } from './documents.ts';
import { boundedEstimate, withFloor } from './estimate.ts';
import type { SpaceSavingState } from './space-saving.ts';

/** How often one consumer was seen, and how often it may have been without being seen. */
export class Sightings {
  private readonly id: string;
  private count: number = 0;
  private over: number = 0;
  private failures: number = 0;
  private unseen: number = 0;

  constructor(id: string) {
    this.id = id;
  }

  add({ hitters, unwatched }: SpaceSavingState): void {
    const hitter = hitters.find(([id]) => id === this.id);
    if (hitter === undefined) {
      this.unseen += unwatched;
      return;
    }
    const [, count, over, failures] = hitter;
    this.count += count;
    this.over += over;
    this.failures += failures;
  }

  use(smallestGroup: number): ConsumerUse {
    const { count, over, failures, unseen } = this;
    const atMost = count + unseen;
    const mayHaveFailed = Math.min(atMost, failures + over + unseen);
    return {
      requests: withFloor(boundedEstimate(count, count - over, atMost), smallestGroup),
      errors: withFloor(boundedEstimate(failures, failures, mayHaveFailed), smallestGroup),
    };
  }
}
