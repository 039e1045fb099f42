/** One call of a hedge: the first that is made, the second, and which of them is taken. */
import { type Call, type CallContext, type Cancel, type Clock, ProblemError } from '@org/core';

import { type BodyKeeper, discard } from './bodies.ts';
import { LinkedAbort } from './linked-abort.ts';
import { started } from './started.ts';

/** What all races of a hedge have in common. */
export interface RaceRules {
  readonly isFailure: (result: unknown) => boolean;
  readonly clock: Clock;
  readonly bodies: BodyKeeper;
  /** Whether a second may be made now. */
  mayHedge(waitedMs: number): boolean;
  /** `firstTookMs`: how long the first took, or has taken when the second was sooner. */
  onSuccess(firstTookMs: number, hedgeWon: boolean): void;
  onEnd(race: Race<unknown>): void;
}

export class Race<T> {
  private readonly call: Call<T>;
  private readonly context: CallContext;
  private readonly rules: RaceRules;
  private readonly beganMs: number;
  private readonly legs: LinkedAbort[] = [];
  private running: number = 0;
  private settled: boolean = false;
  private cancel: Cancel | undefined = undefined;
  private resolve: (result: T) => void = () => {};
  private reject: (error: Error) => void = () => {};
  /** A result that is taken only if nothing better comes. */
  private poor: { readonly result: T; readonly leg: LinkedAbort } | undefined = undefined;

  constructor(call: Call<T>, context: CallContext, rules: RaceRules) {
    this.call = call;
    this.context = context;
    this.rules = rules;
    this.beganMs = rules.clock.monotonicMs();
  }

  /** Makes the call, and again after `delayMs` if that is given. */
  run(delayMs: number | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      if (delayMs !== undefined) {
        this.cancel = this.rules.clock.after(delayMs, () => {
          this.cancel = undefined;
          const gone = this.context.signal?.aborted === true;
          if (!gone && this.rules.mayHedge(delayMs)) this.begin();
        });
      }
      this.begin();
    });
  }

  /** Makes no second call any more. */
  stopWaiting(): void {
    this.cancel?.();
    this.cancel = undefined;
  }

  private begin(): void {
    const leg = new LinkedAbort(this.context.signal);
    this.legs.push(leg);
    this.running++;
    started(this.call, { ...this.context, signal: leg.signal }).then(
      (result) => this.onResult(leg, result),
      (error: Error) => this.onError(leg, error),
    );
  }

  private onResult(leg: LinkedAbort, result: T): void {
    this.running--;
    if (this.settled) {
      discard(result);
    } else if (!this.rules.isFailure(result)) {
      this.rules.onSuccess(this.rules.clock.monotonicMs() - this.beganMs, leg !== this.legs[0]);
      this.take(leg, result);
    } else if (this.running > 0) {
      this.poor = { result, leg };
    } else {
      this.take(leg, result);
    }
  }

  private onError(leg: LinkedAbort, error: Error): void {
    this.running--;
    leg.release();
    if (this.settled || this.running > 0) return;
    if (this.poor !== undefined) return this.take(this.poor.leg, this.poor.result);
    this.end();
    this.reject(error);
  }

  private take(leg: LinkedAbort, result: T): void {
    this.end();
    if (this.poor !== undefined && this.poor.leg !== leg) discard(this.poor.result);
    for (const other of this.legs) if (other !== leg) other.abort(lost());
    this.rules.bodies.releaseAfter(result, leg);
    this.resolve(result);
  }

  private end(): void {
    this.settled = true;
    this.stopWaiting();
    this.rules.onEnd(this as Race<unknown>);
  }
}

function lost(): ProblemError {
  return new ProblemError({
    code: 'ERR_HEDGE_LOST',
    status: 499,
    detail: 'The call was made twice, and the other was sooner.',
  });
}
