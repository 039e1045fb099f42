/** What the process says of itself, also where nobody measures it: memory, and how busy its loop is. */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** The process at one moment. */
export interface ProcessState {
  readonly uptimeMs: number;
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** Share of the time since the last look in which the event loop worked. */
  readonly utilizationRatio: number;
}

/** Looks at the process; it has no handle of its own. */
export class ProcessGauge {
  private before: EventLoopUtilization = performance.eventLoopUtilization();

  read(): ProcessState {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.before);
    this.before = now;
    const { rss, heapUsed } = process.memoryUsage();
    return {
      uptimeMs: process.uptime() * 1000,
      rssBytes: rss,
      heapUsedBytes: heapUsed,
      utilizationRatio: Number.isFinite(utilization) ? utilization : 0,
    };
  }
}
