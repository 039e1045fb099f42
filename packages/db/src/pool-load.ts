/** The load of a pool, sample by sample: connections in use on average, and those who wait for one. */
import { samplesUntilFull } from './forecast.ts';

/** Samples that the forecast looks at. */
const SAMPLES = 60;

export class PoolLoad {
  private readonly samples: number[] = [];
  /** Connections in use × ms since the last sample. */
  private area: number = 0;
  private changedMs: number = Number.NaN;
  private sampledMs: number = Number.NaN;

  begin(nowMs: number): void {
    this.sampledMs = this.changedMs = nowMs;
  }

  /** So many were in use until now. */
  change(inUse: number, nowMs: number): void {
    if (!Number.isNaN(this.changedMs)) this.area += inUse * (nowMs - this.changedMs);
    this.changedMs = nowMs;
  }

  sample(inUse: number, waiting: number, nowMs: number): void {
    this.change(inUse, nowMs);
    const passedMs = nowMs - this.sampledMs;
    if (passedMs > 0) this.samples.push(this.area / passedMs + waiting);
    if (this.samples.length > SAMPLES) this.samples.shift();
    this.area = 0;
    this.sampledMs = nowMs;
  }

  get latest(): number | undefined {
    return this.samples.at(-1);
  }

  samplesUntilFull(capacity: number): number | undefined {
    return samplesUntilFull(this.samples, capacity);
  }
}
