/**
 * Enforcement: hands out permits as far as a limit goes, and takes each back exactly once.
 * It knows neither how the limit is decided, nor who waits, nor of HTTP.
 */
import type { Limit } from './limit.ts';

/** Leave to work. It ends once: in success, ignored, or dropped; what comes later does nothing. */
export class Permit {
  /** Units of the limit that it takes. */
  readonly cost: number;
  /** When it was given, in monotonic ms. */
  readonly startMs: number;
  private readonly inflight: number;
  private limiter: Limiter | undefined;

  /** @internal */
  constructor(limiter: Limiter, cost: number, inflight: number, startMs: number) {
    this.limiter = limiter;
    this.cost = cost;
    this.inflight = inflight;
    this.startMs = startMs;
  }

  get ended(): boolean {
    return this.limiter === undefined;
  }

  /** The work is done, and its time says how loaded we are. Answers whether the permit ended by this. */
  success(): boolean {
    return this.end(true, false);
  }

  /** The work ended in a way that says nothing of the load: a client that left, a stream that goes on. */
  ignore(): boolean {
    return this.end(false, false);
  }

  /** The work failed for too much load: it was given up, or turned away behind us. */
  dropped(): boolean {
    return this.end(true, true);
  }

  private end(counts: boolean, dropped: boolean): boolean {
    const { limiter } = this;
    if (limiter === undefined) return false;
    this.limiter = undefined;
    limiter.takeBack(this.cost, this.startMs, this.inflight, counts, dropped);
    return true;
  }
}

/** What a limiter works with. */
export interface LimiterOptions {
  readonly limit: Limit;
  /** The time, in monotonic ms. */
  readonly now: () => number;
  /** Told when room has been made. */
  readonly onRoom?: () => void;
}

export class Limiter {
  /** Units under way. */
  inflight: number = 0;
  /** Mean time of work that succeeded, in ms, moving; 0 before the first. */
  serviceMs: number = 0;
  private readonly source: Limit;
  private readonly now: () => number;
  private readonly onRoom: (() => void) | undefined;

  constructor({ limit, now, onRoom }: LimiterOptions) {
    this.source = limit;
    this.now = now;
    this.onRoom = onRoom;
  }

  /** The limit as it is now, in whole units. */
  get limit(): number {
    return Math.max(1, Math.floor(this.source.limit));
  }

  /** Whether there is room for `cost` within this share of the limit. What costs more than all runs alone. */
  fits(cost: number, share: number = 1): boolean {
    return this.inflight === 0 || this.inflight + cost <= this.limit * share;
  }

  /** A permit, if there is room for it. */
  acquire(cost: number, share: number = 1): Permit | undefined {
    return this.fits(cost, share) ? this.take(cost) : undefined;
  }

  /** A permit, room or not. */
  take(cost: number): Permit {
    this.inflight += cost;
    return new Permit(this, cost, this.inflight, this.now());
  }

  /** @internal */
  takeBack(
    cost: number,
    startMs: number,
    inflight: number,
    counts: boolean,
    dropped: boolean,
  ): void {
    this.inflight -= cost;
    if (counts) {
      const endMs = this.now();
      const rttMs = endMs - startMs;
      if (!dropped) this.learn(rttMs);
      this.source.onSample?.({ rttMs, inflight, dropped, endMs });
    }
    this.onRoom?.();
  }

  private learn(rttMs: number): void {
    this.serviceMs = this.serviceMs === 0 ? rttMs : this.serviceMs + (rttMs - this.serviceMs) / 20;
  }
}
