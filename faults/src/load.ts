/** Requests at a steady pace, whatever becomes of them, and how long each took. */

export interface Sample {
  readonly phase: string;
  readonly latencyMs: number;
  readonly status: number;
}

/** Requests under way at once; past them a turn is left out. */
const MAX_OPEN = 64;

export class Load {
  readonly samples: Sample[] = [];
  private readonly ask: () => Promise<number>;
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly open: Set<Promise<void>> = new Set();
  private phase: string = '';

  constructor(ask: () => Promise<number>, everyMs: number) {
    this.ask = ask;
    this.timer = setInterval(() => this.begin(), everyMs);
  }

  /** Requests that begin from now on belong to a phase. */
  enter(phase: string): void {
    this.phase = phase;
  }

  /** Ends once the last request has its answer. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.open);
  }

  private begin(): void {
    if (this.open.size >= MAX_OPEN) return;
    const { phase } = this;
    const beganAt = performance.now();
    const one = this.ask()
      .then((status) => {
        this.samples.push({ phase, latencyMs: performance.now() - beganAt, status });
      })
      // No answer at all.
      .catch(
        () => void this.samples.push({ phase, latencyMs: performance.now() - beganAt, status: 0 }),
      )
      .finally(() => this.open.delete(one));
    this.open.add(one);
  }
}

/** The latency that a share of requests stays within, in ms; NaN where there were none. */
export function quantile(samples: readonly Sample[], share: number): number {
  const sorted = samples.map(({ latencyMs }) => latencyMs).toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
