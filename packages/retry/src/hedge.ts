/**
 * Makes a call a second time when the first takes longer than nearly all do, takes what comes
 * first, and aborts the other (Dean and Barroso, "The Tail at Scale", 2013). Only for calls that
 * may be made twice.
 */
import {
  type Call,
  type CallContext,
  callHook,
  type CallPolicy,
  type Component,
  defineComponent,
  type Given,
  Listeners,
  type Stats,
} from '@org/core';

import { BodyKeeper } from './bodies.ts';
import { RETRY_CHANNEL } from './events.ts';
import { type HedgeOptions, resolveHedgeOptions } from './hedge-options.ts';
import { LatencySketch } from './latency-sketch.ts';
import { Race, type RaceRules } from './race.ts';
import { retryBudget } from './retry-budget.ts';

/** A hedge, as a policy. */
export interface Hedge extends Component, CallPolicy {
  readonly kind: 'hedge';
  stats(): Stats;
  close(): void;
}

/** Makes a hedge. @throws OptionError for unknown or wrong options */
export function hedge(options?: Given<HedgeOptions>): Hedge {
  const settings = resolveHedgeOptions(options);
  const { name, afterMs, quantileRatio, minSamples, minDelayMs, windowMs, clock } = settings;
  const budget = settings.budget ?? retryBudget({ clock });
  const account = budget.account(settings.budgetName ?? name);
  const listeners = new Listeners(RETRY_CHANNEL, settings.onEvent, `${name} onEvent`);
  const sketch = new LatencySketch(windowMs);
  const running = new Set<Race<unknown>>();
  const counts = { calls: 0, hedges: 0, won: 0, budgetExhausted: 0 };
  let closed = false;

  /** How long to wait for the first before a second is made, in ms; nothing while too little is known. */
  const delayMs = (nowMs: number): number | undefined => {
    if (afterMs !== undefined) return afterMs;
    const measured = sketch.quantileMs(quantileRatio, nowMs, minSamples);
    return measured === undefined ? undefined : Math.max(minDelayMs, measured);
  };

  const rules: RaceRules = {
    // Nobody waits for what it throws: one that cannot be judged is taken as it came.
    isFailure: (result) => Boolean(callHook(() => settings.isFailure(result), `${name} isFailure`)),
    clock,
    bodies: new BodyKeeper(),
    mayHedge(waitedMs) {
      if (!account.take()) {
        counts.budgetExhausted++;
        return false;
      }
      counts.hedges++;
      if (listeners.listening) listeners.tell({ type: 'hedge', name, delayMs: waitedMs });
      return true;
    },
    onSuccess(firstTookMs, hedgeWon) {
      // Of one that was aborted as much as is known: it would have taken longer.
      sketch.note(firstTookMs, clock.monotonicMs());
      if (!hedgeWon) return;
      counts.won++;
      if (listeners.listening) listeners.tell({ type: 'hedge-won', name });
    },
    onEnd: (race) => void running.delete(race),
  };

  return defineComponent(name, {
    name,
    kind: 'hedge' as const,
    run<T>(call: Call<T>, context: CallContext = {}): Promise<T> {
      counts.calls++;
      // The retry around it has counted the call, in a budget that both were given.
      if (settings.budget === undefined || context.attempt === undefined) account.noteCall();
      const { signal } = context;
      if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
      const race = new Race<T>(call, context, rules);
      running.add(race as Race<unknown>);
      return race.run(closed ? undefined : delayMs(clock.monotonicMs()));
    },
    stats: (): Stats => ({
      callsTotal: counts.calls,
      hedgesTotal: counts.hedges,
      hedgesWonTotal: counts.won,
      budgetExhaustedTotal: counts.budgetExhausted,
      delayMs: delayMs(clock.monotonicMs()),
    }),
    close(): void {
      closed = true;
      for (const race of running) race.stopWaiting();
    },
  });
}
