/**
 * Calls through one breaker: whether they are made, how they count, and who answers in their
 * place. While the circuit is closed a call costs one promise, and the clock is read once.
 */
import { type Call, type CallContext, type ProblemError, report } from '@org/core';

import { Bulkhead } from './bulkhead.ts';
import type { BreakerOptions } from './breaker-options.ts';
import type { Fallback, Settings } from './options.ts';
import { isGivenUp, type Outcome, outcomeOf } from './outcome.ts';
import { bulkheadFull, circuitOpen } from './refusals.ts';
import { type MachineParts, StateMachine, type Transition } from './state-machine.ts';

const NO_CONTEXT: CallContext = Object.freeze({});

/** Hears of a guard whose state has changed. */
export type OnTransition = (guard: Guard, transition: Transition) => void;

export class Guard {
  readonly machine: StateMachine;
  readonly bulkhead: Bulkhead | undefined;
  /** Somebody has asked for it again lately. */
  used: boolean = false;
  private readonly settings: Settings;

  constructor(
    name: string,
    settings: Settings,
    options: BreakerOptions,
    onTransition: OnTransition,
  ) {
    const { maxConcurrent, maxWaiting, clock, random } = settings;
    const parts: MachineParts = {
      clock,
      random,
      onTransition: (transition) => {
        // Nobody waits for what is not going to be called.
        if (this.machine.refusesAll) this.bulkhead?.dismiss(() => this.refusal());
        onTransition(this, transition);
      },
    };
    this.settings = settings;
    this.machine = new StateMachine(name, options, parts);
    this.bulkhead =
      maxConcurrent === undefined ? undefined : new Bulkhead(maxConcurrent, maxWaiting);
  }

  /** Makes the call, or answers in its place. Rejects as the call did, or with why it was not made; `null`: no fallback. */
  run<T>(
    call: Call<T>,
    context: CallContext = NO_CONTEXT,
    fallback: Fallback | null = this.settings.fallback ?? null,
  ): Promise<T> {
    const { bulkhead } = this;
    if (bulkhead !== undefined && !bulkhead.enter()) {
      return this.runLater(bulkhead, call, context, fallback);
    }
    return this.runNow(call, context, fallback);
  }

  private async runLater<T>(
    bulkhead: Bulkhead,
    call: Call<T>,
    context: CallContext,
    fallback: Fallback | null,
  ): Promise<T> {
    const refused = await this.waitForPlace(bulkhead, context.signal);
    if (refused !== undefined) return this.instead<T>(refused, fallback);
    return this.runNow(call, context, fallback);
  }

  /** In its place, where there is a bulkhead. No async function: that would cost another turn. */
  private runNow<T>(call: Call<T>, context: CallContext, fallback: Fallback | null): Promise<T> {
    const { machine } = this;
    if (!machine.enter()) {
      this.bulkhead?.leave();
      return this.instead<T>(this.refusal(), fallback);
    }
    const { epoch } = machine;
    const beganMs = machine.begin();
    return made(call, context).then(
      (result) => {
        machine.settle(epoch, this.outcomeOfResult(result), beganMs);
        this.bulkhead?.leave();
        return result;
      },
      (error: unknown) => {
        const outcome = this.outcomeOf(error, context.signal);
        machine.settle(epoch, outcome, beganMs);
        this.bulkhead?.leave();
        if (outcome === 'failure') return this.instead<T>(error, fallback);
        throw error;
      },
    );
  }

  /** Waits for a place, if that is of use; answers why there will not be one. */
  private async waitForPlace(
    bulkhead: Bulkhead,
    signal: AbortSignal | undefined,
  ): Promise<ProblemError | undefined> {
    const { counts, name, refusesAll } = this.machine;
    if (refusesAll) {
      counts.refusedTotal++;
      return this.refusal();
    }
    if (!bulkhead.hasRoomToWait) {
      counts.fullTotal++;
      return bulkheadFull(name);
    }
    try {
      await bulkhead.wait(signal);
      return undefined;
    } catch (error) {
      if (isGivenUp(error, signal)) throw error;
      counts.refusedTotal++;
      return error as ProblemError;
    }
  }

  private outcomeOf(error: unknown, signal: AbortSignal | undefined): Outcome {
    const { isFailure, isFailureStatus } = this.settings;
    try {
      return outcomeOf(error, signal, isFailure, isFailureStatus);
    } catch (fault) {
      report(fault, 'circuit isFailure');
      return 'failure';
    }
  }

  private outcomeOfResult(result: unknown): Outcome {
    try {
      return this.settings.isFailureResult(result) ? 'failure' : 'success';
    } catch (fault) {
      report(fault, 'circuit isFailureResult');
      return 'success';
    }
  }

  private async instead<T>(error: unknown, fallback: Fallback | null): Promise<T> {
    if (fallback === null) throw error;
    this.machine.counts.fallbackTotal++;
    // Whoever gives a fallback says that it fits.
    return fallback(error, this.machine.state) as T;
  }

  private refusal(): ProblemError {
    const { name, kind, retryAfterMs } = this.machine;
    return circuitOpen(name, kind, retryAfterMs);
  }
}

/** The call's own promise, also where it throws at once or answers what is none. */
function made<T>(call: Call<T>, context: CallContext): Promise<T> {
  try {
    return Promise.resolve(call(context));
  } catch (error) {
    return Promise.reject(error);
  }
}
