/**
 * Tail buffering: what a request said below the threshold is kept, bounded, until
 * its end is known; it is written only if the request failed or was slow. So the
 * debug lines are there when they are wanted, and cost no disk when they are not.
 */
import { defineStages, type Exchange, type StateKey, stateKey, type Stages } from '@org/core';

import type { Journal } from './journal.ts';
import { lineBytes } from './outbox.ts';

/** Limits of what is kept. */
export interface TailLimits {
  /** Lines of one request; the oldest give way. */
  readonly maxLines: number;
  /** Bytes of all requests together. */
  readonly maxBytes: number;
}

interface Kept {
  readonly lines: string[];
  readonly levels: number[];
  bytes: number;
}

/** The kept lines of one logging instance. */
export class Tail {
  writtenTotal: number = 0;
  discardedTotal: number = 0;
  /** Bytes kept now, of all requests. */
  keptBytes: number = 0;
  private readonly limits: TailLimits;
  private readonly key: StateKey<Kept> = stateKey('logging tail');
  private readonly stages: Stages;

  constructor(journal: Journal, limits: TailLimits, wanted: (exchange: Exchange) => boolean) {
    this.limits = limits;
    this.stages = defineStages({
      done: (exchange) => this.settle(exchange, journal, wanted(exchange)),
    });
  }

  /** Keeps a line for as long as its request lasts. */
  keep(exchange: Exchange, line: string, level: number): void {
    const bytes = lineBytes(line);
    if (exchange.settled || this.keptBytes + bytes > this.limits.maxBytes) {
      this.discardedTotal++;
      return;
    }
    let kept = exchange.getState(this.key);
    if (kept === undefined) {
      kept = { lines: [], levels: [], bytes: 0 };
      exchange.setState(this.key, kept);
      exchange.tap(this.stages);
    }
    if (kept.lines.length >= this.limits.maxLines) {
      const oldest = lineBytes(kept.lines.shift()!);
      kept.levels.shift();
      kept.bytes -= oldest;
      this.keptBytes -= oldest;
      this.discardedTotal++;
    }
    kept.lines.push(line);
    kept.levels.push(level);
    kept.bytes += bytes;
    this.keptBytes += bytes;
  }

  private settle(exchange: Exchange, journal: Journal, wanted: boolean): void {
    const kept = exchange.getState(this.key);
    if (kept === undefined) return;
    this.keptBytes -= kept.bytes;
    if (!wanted) {
      this.discardedTotal += kept.lines.length;
      return;
    }
    this.writtenTotal += kept.lines.length;
    for (const [at, line] of kept.lines.entries()) journal.write(line, kept.levels[at]!);
  }
}
