/**
 * One breaker, as its user holds it. It stands for a name: the state behind it may have been let
 * go meanwhile, because nobody used it and nothing was wrong, and then it begins anew.
 */
import type { Call, CallContext, CallPolicy, Stats } from '@org/core';

import type { Guard } from './guard.ts';
import type { CircuitState } from './state.ts';
import { statsOf } from './statistics.ts';
import { type WrapFallback, wrapWith } from './wrap.ts';

/** A breaker: a policy around calls, and what can be asked of it and done to it. */
export interface Breaker extends CallPolicy {
  readonly kind: 'circuit';
  readonly state: CircuitState;
  /** How well calls go, from 0 to 1. */
  readonly healthRatio: number;
  /** The same function, with the breaker around each call. It must return a promise. */
  wrap<F extends (...args: never[]) => Promise<unknown>>(fn: F, fallback?: WrapFallback<F>): F;
  /** Holds it open until `close` or `reset`. */
  open(): void;
  /** Closes it, whatever held it open. */
  close(): void;
  /** Closes it, and forgets how calls went; calls that are under way count for nothing. */
  reset(): void;
  stats(): Stats;
}

/** The breaker of a name; `guard` finds what is behind it. */
export class NamedBreaker implements Breaker {
  readonly kind = 'circuit' as const;
  readonly name: string;
  private readonly guard: () => Guard;

  constructor(name: string, guard: () => Guard) {
    this.name = name;
    this.guard = guard;
  }

  get state(): CircuitState {
    return this.guard().machine.state;
  }

  get healthRatio(): number {
    return this.guard().machine.healthRatio;
  }

  run<T>(call: Call<T>, context?: CallContext): Promise<T> {
    return this.guard().run(call, context);
  }

  wrap<F extends (...args: never[]) => Promise<unknown>>(fn: F, fallback?: WrapFallback<F>): F {
    return wrapWith(this.guard, fn, fallback);
  }

  open(): void {
    this.guard().machine.isolate('manual');
  }

  close(): void {
    this.guard().machine.close('manual');
  }

  reset(): void {
    this.guard().machine.reset();
  }

  stats(): Stats {
    return statsOf(this.guard());
  }
}
