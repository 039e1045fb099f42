/**
 * How the process' own event loop is: how full, and how late what it should do comes. Read
 * on demand; Node samples the delay natively, without a timer in JavaScript.
 */
import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** The loop since it was last asked about. */
export interface LoopReading {
  /** How late, in the mean, a timer came, in ms. */
  readonly delayMs: number;
  /** Share of the time in which it was not idle. */
  readonly utilizationRatio: number;
}

/** Reads an event loop. */
export interface EventLoop {
  read(): LoopReading;
  /** Stops sampling. Idempotent. */
  close(): void;
}

/** How often Node samples, in ms. */
const RESOLUTION_MS = 10;

/** The loop that this runs in; sampled from the first reading on. */
export function ownEventLoop(): EventLoop {
  let delays: IntervalHistogram | undefined;
  let closed = false;
  let before = performance.eventLoopUtilization();
  return {
    read() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      if (closed) return { delayMs: 0, utilizationRatio: utilization };
      if (delays === undefined) {
        delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
        delays.enable();
      }
      // What is recorded is the time between two samples, the regular part included.
      const meanMs = delays.mean / 1e6;
      delays.reset();
      const delayMs = Number.isNaN(meanMs) ? 0 : Math.max(0, meanMs - RESOLUTION_MS);
      return { delayMs, utilizationRatio: utilization };
    },
    close() {
      closed = true;
      delays?.disable();
    },
  };
}
