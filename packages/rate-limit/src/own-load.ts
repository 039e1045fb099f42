/**
 * How much this process has to carry, by its event loop: how late it is against how late it may
 * be. One that is late but has time was held up by somebody else on the machine. Node samples the
 * delay natively, without a timer in JavaScript.
 */
import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** A load, and where it comes from. */
export interface Load {
  /** 1: as much as it can carry. */
  readonly ratio: number;
  readonly reason: string;
}

/** How often Node samples, in ms; part of every delay that it records. */
const RESOLUTION_MS = 10;

/** A loop that is less busy is not what makes it late. */
const BUSY_RATIO = 0.9;

export class OwnLoad {
  private readonly maxDelayMs: number;
  private readonly delays: IntervalHistogram;
  private before: ReturnType<typeof performance.eventLoopUtilization>;

  constructor(maxDelayMs: number) {
    this.maxDelayMs = maxDelayMs;
    this.before = performance.eventLoopUtilization();
    this.delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.delays.enable();
  }

  /** The load since it was last asked for. */
  read(): Load {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.before);
    this.before = now;
    const { mean } = this.delays;
    this.delays.reset();
    return loadOf(
      Number.isNaN(mean) ? 0 : Math.max(0, mean / 1e6 - RESOLUTION_MS),
      utilization,
      this.maxDelayMs,
    );
  }

  close(): void {
    this.delays.disable();
  }
}

/** What a delay means, for a loop that is so busy. */
export function loadOf(delayMs: number, utilizationRatio: number, maxDelayMs: number): Load {
  const late = delayMs / maxDelayMs;
  const ratio = utilizationRatio < BUSY_RATIO ? Math.min(1, late) : late;
  const reason = `the event loop is ${Math.round(delayMs)} ms late and ${Math.round(utilizationRatio * 100)}% busy (at most ${maxDelayMs} ms)`;
  return { ratio, reason };
}
