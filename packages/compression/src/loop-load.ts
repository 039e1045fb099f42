/** How busy the process is: read when somebody asks, and not more often than it can change. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '@org/core';

/** A reading holds this long, in ms. */
const HOLD_MS = 250;

export class LoopLoad {
  private readonly clock: Clock;
  private readonly busyRatio: number;
  private readonly read: () => number;
  private readUntilMs: number;
  private last: boolean = false;

  /** `read` tells the load; without it, it is that of the event loop since it was read last. */
  constructor(clock: Clock, busyRatio: number, read: () => number = loopUtilisation()) {
    this.clock = clock;
    this.busyRatio = busyRatio;
    this.read = read;
    this.readUntilMs = clock.monotonicMs() + HOLD_MS;
  }

  /** Whether the cheapest levels are called for. */
  get busy(): boolean {
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.readUntilMs) {
      this.readUntilMs = nowMs + HOLD_MS;
      this.last = this.read() >= this.busyRatio;
    }
    return this.last;
  }
}

function loopUtilisation(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
