/**
 * Concurrent requests for what is not stored: the first asks the application, the
 * others wait for its answer (RFC 9111 §4). They are let go as soon as the answer
 * turns out not to be for them, and after a time limit; what could not be stored is
 * remembered for a while, and its requests do not wait for each other (hit-for-miss).
 */
import type { Cancel, Clock } from '@org/core';
import { LRUCache } from 'lru-cache';

import type { Entry } from './entry.ts';

/**
 * How a flight ended: with an answer for everybody; with one that is not; with a failure of the
 * application; because its leader went away; or too late.
 */
export type Landing = Entry | 'unshared' | 'failing' | 'gone' | 'timeout';

/** Who asks the application for one key, and who waits for it. */
export class Flight {
  private readonly waiting: ((landing: Landing) => void)[] = [];
  private landing: Landing | undefined = undefined;
  private cancel: Cancel | undefined = undefined;
  private readonly limit: (land: () => void) => Cancel;

  constructor(limit: (land: () => void) => Cancel) {
    this.limit = limit;
  }

  get landed(): boolean {
    return this.landing !== undefined;
  }

  /** Resolves when it lands; never rejects. The time limit runs from the first who waits. */
  wait(): Promise<Landing> {
    if (this.landing !== undefined) return Promise.resolve(this.landing);
    this.cancel ??= this.limit(() => this.land('timeout'));
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }

  /** Only the first landing counts. */
  land(landing: Landing): void {
    if (this.landing !== undefined) return;
    this.landing = landing;
    this.cancel?.();
    for (const resolve of this.waiting) resolve(landing);
    this.waiting.length = 0;
  }
}

/** Keys that are remembered as not worth waiting for. */
const MAX_HIT_FOR_MISS = 10_000;

export class Flights {
  private readonly flights: Map<string, Flight> = new Map();
  private readonly unshared: LRUCache<string, number>;
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private readonly hitForMissMs: number;

  constructor(clock: Clock, timeoutMs: number, hitForMissMs: number) {
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.hitForMissMs = hitForMissMs;
    this.unshared = new LRUCache<string, number>({
      maxSize: MAX_HIT_FOR_MISS,
      sizeCalculation: () => 1,
    });
  }

  /** The flight that is under way for a key; one whose time is over is not waited for. */
  under(key: string): Flight | undefined {
    const flight = this.flights.get(key);
    return flight?.landed === true ? undefined : flight;
  }

  /** Whether requests for a key may wait for each other. */
  mayShare(key: string, nowMs: number): boolean {
    const until = this.unshared.get(key);
    if (until === undefined) return true;
    if (nowMs < until) return false;
    this.unshared.delete(key);
    return true;
  }

  begin(key: string): Flight {
    const flight = new Flight((land) => this.clock.after(this.timeoutMs, land));
    this.flights.set(key, flight);
    return flight;
  }

  /** Ends a flight, the first time; those who come from now on begin another, or do not wait at all. */
  land(key: string, flight: Flight, landing: Landing): void {
    if (this.flights.get(key) === flight) this.flights.delete(key);
    if (landing === 'unshared' && this.hitForMissMs > 0) {
      this.unshared.set(key, this.clock.monotonicMs() + this.hitForMissMs);
    } else if (typeof landing === 'object') {
      this.unshared.delete(key);
    }
    flight.land(landing);
  }

  get size(): number {
    return this.flights.size;
  }
}
