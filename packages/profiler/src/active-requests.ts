/**
 * The requests that are under way: who was there when the event loop stood still. Kept only while
 * a capture of a stall is armed, and bounded. A request costs a place in a set and nothing more:
 * those that have ended are swept out each time that the loop turns, so that whoever ended since
 * is still there to be named.
 */
import type { Exchange } from '@org/core';

import type { StalledRequest } from './capture.ts';

/** The most requests that are followed at once; the oldest goes first. */
const MAX_FOLLOWED = 2000;
/** The most that a stall names. */
const MAX_NAMED = 100;

export class ActiveRequests {
  private readonly followed = new Set<Exchange>();

  get size(): number {
    return this.followed.size;
  }

  follow(exchange: Exchange): void {
    const { followed } = this;
    // Streams that stay for long must not keep out those that have just come.
    if (followed.size >= MAX_FOLLOWED) followed.delete(followed.values().next().value!);
    followed.add(exchange);
  }

  /** The loop has turned: who has ended was not there when it stands still next. */
  turned(): void {
    for (const exchange of this.followed) {
      if (hasEnded(exchange)) this.followed.delete(exchange);
    }
  }

  /** Those that were under way since the loop turned last, those that came latest first. */
  named(): StalledRequest[] {
    return [...this.followed]
      .toSorted((one, other) => other.startMs - one.startMs)
      .slice(0, MAX_NAMED)
      .map(named);
  }

  clear(): void {
    this.followed.clear();
  }
}

/** An exchange settles only where somebody has tapped its response. */
function hasEnded({ settled, res }: Exchange): boolean {
  return settled || res.writableFinished || res.destroyed;
}

function named(exchange: Exchange): StalledRequest {
  const { id, trace, req, route, durationMs } = exchange;
  return {
    id,
    ...(trace === undefined ? {} : { traceId: trace.traceId }),
    method: req.method,
    ...(route === undefined ? {} : { route }),
    durationMs,
    settled: hasEnded(exchange),
  };
}
