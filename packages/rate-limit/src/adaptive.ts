/**
 * Limits that give way: while the service suffers they are lowered, a fifth of what they are at a
 * time; while it does not they come back, a twentieth of what was set at a time. Between the two
 * nothing moves, so that they do not swing. It is looked at when requests come, without a timer.
 */
import {
  callHook,
  type Checks,
  type Clock,
  durationMs,
  func,
  type Given,
  ratio,
  resolveOptions,
} from '@org/core';

import { type Load, OwnLoad } from './own-load.ts';

/** How limits give way. */
export interface AdaptiveOptions {
  /** The least share of a limit that is left. @default 0.1 */
  readonly minRatio: number;
  /** How often it is decided, in ms. @default 1000 */
  readonly intervalMs: number;
  /** How late the event loop may be, in the mean, in ms. @default 50 */
  readonly maxLoopDelayMs: number;
  /** How much the service has to carry: 1 is as much as it can. @default by its event loop */
  readonly load: (() => number) | undefined;
}

export const ADAPTIVE_DEFAULTS: Readonly<AdaptiveOptions> = Object.freeze<AdaptiveOptions>({
  minRatio: 0.1,
  intervalMs: 1000,
  maxLoopDelayMs: 50,
  load: undefined,
});

const CHECKS: Checks<AdaptiveOptions> = Object.freeze<Checks<AdaptiveOptions>>({
  minRatio: ratio({ min: 0.01 }),
  intervalMs: durationMs({ min: 1 }),
  maxLoopDelayMs: durationMs({ min: 1 }),
  load: func<() => number>(),
});

/** Above it limits are lowered, below `CALM` they come back. */
const SUFFERS = 1;
const CALM = 0.8;
const LOWERED = 0.8;
const RAISED = 0.05;

/** A change, for whoever applies it. */
export type OnAdapted = (ratio: number, before: number, reason: string) => void;

export class Adaptive {
  /** The share of every limit that holds now. */
  ratio: number = 1;
  /** What the last change was made for. */
  reason: string = 'nothing has been lowered';
  loweredTotal: number = 0;
  raisedTotal: number = 0;
  private readonly options: Readonly<AdaptiveOptions>;
  private readonly own: OwnLoad | undefined;
  private readonly onAdapted: OnAdapted;
  private readMs: number;

  /** @throws OptionError */
  constructor(given: Given<AdaptiveOptions>, clock: Clock, onAdapted: OnAdapted) {
    this.options = resolveOptions('rate-limit: adaptive', ADAPTIVE_DEFAULTS, CHECKS, given);
    this.own =
      this.options.load === undefined ? new OwnLoad(this.options.maxLoopDelayMs) : undefined;
    this.onAdapted = onAdapted;
    this.readMs = clock.monotonicMs();
  }

  /** Looks at the load, if it is time to. */
  look(nowMs: number): void {
    const passed = Math.floor((nowMs - this.readMs) / this.options.intervalMs);
    if (passed < 1) return;
    this.readMs = nowMs;
    const { ratio: load, reason } = this.read();
    if (load > SUFFERS) {
      this.loweredTotal++;
      this.move(Math.max(this.options.minRatio, this.ratio * LOWERED), reason);
    } else if (load < CALM && this.ratio < 1) {
      this.raisedTotal++;
      // While nobody came, nothing suffered: that time counts as well.
      this.move(Math.min(1, this.ratio + RAISED * passed), reason);
    }
  }

  close(): void {
    this.own?.close();
  }

  private read(): Load {
    if (this.own !== undefined) return this.own.read();
    // One that cannot be told, for an error that was reported, moves nothing.
    const load = Number(callHook(this.options.load!, 'rate-limit load'));
    return { ratio: load, reason: `the load is ${load} of what can be carried` };
  }

  private move(to: number, reason: string): void {
    const before = this.ratio;
    if (to === before) return;
    this.ratio = to;
    this.reason = reason;
    this.onAdapted(to, before, reason);
  }
}
