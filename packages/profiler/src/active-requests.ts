/**
 * The requests that are under way, and those that have just ended: who was there when the event
 * loop stood still. Kept only while a capture of a stall is armed, and bounded.
 */
import { defineStages, type Exchange } from '@org/core';

import type { StalledRequest } from './capture.ts';

/** The most requests that are followed at once. */
const MAX_ACTIVE = 2000;
/** The most that have ended and are still remembered. */
const MAX_ENDED = 500;
/** The most that a stall names. */
const MAX_NAMED = 100;

export class ActiveRequests {
  private readonly active = new Set<Exchange>();
  private ended: Exchange[] = [];
  private readonly stages = defineStages({
    done: (exchange) => {
      if (this.active.delete(exchange) && this.ended.length < MAX_ENDED) this.ended.push(exchange);
    },
  });

  get size(): number {
    return this.active.size;
  }

  follow(exchange: Exchange): void {
    if (this.active.size >= MAX_ACTIVE || this.active.has(exchange)) return;
    this.active.add(exchange);
    exchange.tap(this.stages);
  }

  /** The loop has turned: what had ended before was not there when it stands still next. */
  turned(): void {
    if (this.ended.length > 0) this.ended = [];
  }

  /** Those that were under way since the loop turned last, those that came latest first. */
  named(): StalledRequest[] {
    return [...this.active, ...this.ended]
      .toSorted((one, other) => other.startMs - one.startMs)
      .slice(0, MAX_NAMED)
      .map(named);
  }

  clear(): void {
    this.active.clear();
    this.ended = [];
  }
}

function named(exchange: Exchange): StalledRequest {
  const { id, trace, req, route, durationMs, settled } = exchange;
  return {
    id,
    ...(trace === undefined ? {} : { traceId: trace.traceId }),
    method: req.method,
    ...(route === undefined ? {} : { route }),
    durationMs,
    settled,
  };
}
