/** What is known of one connection of a watched pool. */
import type { CallSite, Exchange } from '@org/core';

import type { LeakKind } from './pool-events.ts';

/** One connection of the pool, for as long as it lives. */
export class WatchedClient {
  readonly isRunning: () => boolean;
  /** Takes the connection away from whoever has it. */
  readonly destroy: () => void;
  /** Somebody has it. */
  taken: boolean = false;
  /** Its place among those that are watched in use; -1: none. */
  at: number = -1;
  takenMs: number = Number.NaN;
  idleMs: number = Number.NaN;
  exchange: Exchange | undefined = undefined;
  site: CallSite | undefined = undefined;
  text: string | undefined = undefined;
  /** To the second. */
  queriedMs: number = Number.NaN;
  kind: LeakKind | undefined = undefined;
  /** Since when its request is known to have ended. */
  endedMs: number = Number.NaN;

  constructor(isRunning: () => boolean, destroy: () => void) {
    this.isRunning = isRunning;
    this.destroy = destroy;
  }
}
