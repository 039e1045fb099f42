/**
 * The state of one breaker, and what moves it. Whoever wants to make a call enters, and settles
 * with the epoch in which it entered: each change of state begins another, so that a late answer
 * moves nothing. A timer ends the open state; nothing else here waits.
 */
import type { Cancel, Clock } from '@org/core';

import { type Counts, noCounts } from './counts.ts';
import { HalfOpen } from './half-open.ts';
import { HealthScore } from './health-score.ts';
import { openTimeMs } from './open-times.ts';
import type { BreakerOptions } from './breaker-options.ts';
import type { Outcome } from './outcome.ts';
import type {
  CircuitState,
  ClosedState,
  IsolatedState,
  OpenState,
  TransitionReason,
} from './state.ts';
import { strategyOf } from './strategies.ts';
import type { Strategy } from './strategy.ts';

/** A change of state. */
export interface Transition {
  readonly from: CircuitState['kind'];
  readonly reason: TransitionReason;
  /** What was counted; empty where nothing was. */
  readonly detail: string;
}

/** What a machine needs besides its options. */
export interface MachineParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly onTransition: (transition: Transition) => void;
}

type Current = ClosedState | OpenState | HalfOpen | IsolatedState;

const CLOSED: ClosedState = Object.freeze({ kind: 'closed' });

export class StateMachine {
  readonly name: string;
  readonly counts: Counts = noCounts();
  /** Grows with each change of state. */
  epoch: number = 0;
  /** Calls that have entered and not settled. */
  inflight: number = 0;
  private readonly options: BreakerOptions;
  private readonly parts: MachineParts;
  private readonly clock: Clock;
  private readonly slowCallMs: number;
  private readonly timed: boolean;
  private readonly strategy: Strategy;
  private readonly health: HealthScore;
  private current: Current = CLOSED;
  /** When the open state ends, in monotonic ms: the time of day may be set meanwhile. */
  private openUntilMs: number = 0;
  /** How often it has opened since it was closed last. */
  private openings: number = 0;
  private cancel: Cancel | undefined = undefined;
  private disposed: boolean = false;

  constructor(name: string, options: BreakerOptions, parts: MachineParts) {
    this.name = name;
    this.options = options;
    this.parts = parts;
    this.clock = parts.clock;
    this.timed = options.slowCallMs !== undefined;
    this.slowCallMs = options.slowCallMs ?? Number.POSITIVE_INFINITY;
    this.strategy = strategyOf(options);
    this.health = new HealthScore(options.healthHalfLifeMs);
  }

  get kind(): CircuitState['kind'] {
    return this.current.kind;
  }

  get state(): CircuitState {
    const { current } = this;
    if (current.kind !== 'half-open') return current;
    const { kind, sinceAt, successes, inflight, probing } = current;
    return { kind, sinceAt, successes, inflight, admittedRatio: probing ? 0 : this.healthRatio };
  }

  get healthRatio(): number {
    return this.health.at(this.clock.monotonicMs());
  }

  /** When it is worth coming back, in ms from now. */
  get retryAfterMs(): number {
    const { current } = this;
    if (current.kind === 'open') return Math.max(0, this.openUntilMs - this.clock.monotonicMs());
    return current.kind === 'isolated' ? this.options.maxOpenMs : 0;
  }

  /** Whether no call gets through. */
  get refusesAll(): boolean {
    const { kind } = this.current;
    return kind === 'open' || kind === 'isolated';
  }

  /** Lets a call in, or does not. Whoever is let in takes the epoch and the time, and settles once. */
  enter(): boolean {
    if (this.current !== CLOSED && !this.entersRecovery()) {
      this.counts.refusedTotal++;
      return false;
    }
    this.inflight++;
    return true;
  }

  /** When a call begins, in monotonic ms; 0 where that is of no use. */
  begin(): number {
    return this.timed ? this.clock.monotonicMs() : 0;
  }

  /** Hears how a call went that has entered. */
  settle(epoch: number, outcome: Outcome, beganMs: number): void {
    this.inflight--;
    const { counts, current } = this;
    if (epoch !== this.epoch) {
      counts.lateTotal++;
      return;
    }
    const nowMs = this.clock.monotonicMs();
    const slow = nowMs - beganMs >= this.slowCallMs;
    // What was given up on says nothing, unless it had taken too long by then.
    if (outcome === 'ignored' && !slow) {
      counts.ignoredTotal++;
      if (current.kind === 'half-open') current.leave(undefined);
      return;
    }
    const failed = outcome === 'failure';
    if (failed) counts.failureTotal++;
    else if (outcome === 'success') counts.successTotal++;
    else counts.ignoredTotal++;
    if (slow) counts.slowTotal++;
    this.health.note(failed || slow, nowMs);
    const tripped = this.strategy.count(failed, slow, nowMs);
    if (current.kind === 'half-open') this.judge(current, !failed && !slow, tripped, nowMs);
    else if (tripped) this.trip('tripped');
  }

  /** Opens it for a time in ms, by default the next of its growing times. */
  trip(reason: TransitionReason, forMs?: number): void {
    if (this.disposed) return;
    const openMs = forMs ?? openTimeMs(this.options, this.openings++, this.parts.random);
    const nowMs = this.clock.monotonicMs();
    this.openUntilMs = nowMs + openMs;
    this.health.hold(nowMs);
    this.health.fall();
    this.counts.openedTotal++;
    const sinceAt = this.clock.now();
    this.go({ kind: 'open', sinceAt, untilAt: sinceAt + openMs }, reason);
    this.cancel = this.clock.after(openMs, () => this.recover());
  }

  /** Opens it as another process has, until a time in ms since the epoch. */
  openUntil(untilAt: number): void {
    const leftMs = untilAt - this.clock.now();
    // Clocks differ, and this one may know better already.
    if (leftMs > 0 && !this.refusesAll) {
      this.trip('told', Math.min(leftMs, 2 * this.options.maxOpenMs));
    }
  }

  /** Holds it open until somebody closes it. */
  isolate(reason: TransitionReason): void {
    if (this.disposed || this.current.kind === 'isolated') return;
    this.health.hold(this.clock.monotonicMs());
    this.go({ kind: 'isolated', sinceAt: this.clock.now() }, reason);
  }

  /** Closes it; what was counted is forgotten, the health is not. */
  close(reason: TransitionReason): void {
    this.openings = 0;
    if (this.current === CLOSED) return;
    this.health.resume(this.clock.monotonicMs());
    this.go(CLOSED, reason);
    this.strategy.reset();
  }

  /** As if it had just been made, but for what has been counted in all. */
  reset(): void {
    this.health.reset();
    this.strategy.reset();
    // Calls that are under way belong to what was.
    this.epoch++;
    this.close('manual');
  }

  /** Lets everything through from now on, and leaves no timer. */
  dispose(): void {
    this.disposed = true;
    this.epoch++;
    this.cancel?.();
    this.cancel = undefined;
    this.current = CLOSED;
  }

  /** Whether a call gets through although the circuit is not closed. */
  private entersRecovery(): boolean {
    const { current } = this;
    if (current.kind !== 'half-open') return false;
    const nowMs = this.clock.monotonicMs();
    const score = this.health.at(nowMs);
    // Time heals, too: where few calls come, there is nothing to wait for.
    if (!current.probing && score >= this.options.closeRatio) {
      this.close('recovered');
      return true;
    }
    return current.admit(score, nowMs);
  }

  private recover(): void {
    const { halfOpenCalls, openMs } = this.options;
    this.strategy.reset();
    this.health.resume(this.clock.monotonicMs());
    this.go(new HalfOpen(this.clock.now(), halfOpenCalls, openMs), 'elapsed');
  }

  private judge(half: HalfOpen, good: boolean, tripped: boolean, nowMs: number): void {
    const { probing } = half;
    half.leave(good);
    if (tripped || (probing && !good)) this.trip('probe');
    else if (!half.probing && this.health.at(nowMs) >= this.options.closeRatio) {
      this.close('recovered');
    }
  }

  private go(next: Current, reason: TransitionReason): void {
    const from = this.current.kind;
    const counted = reason === 'tripped' || reason === 'probe';
    this.epoch++;
    this.cancel?.();
    this.cancel = undefined;
    this.current = next;
    const detail = counted ? this.strategy.describe() : '';
    this.parts.onTransition({ from, reason, detail });
  }
}
