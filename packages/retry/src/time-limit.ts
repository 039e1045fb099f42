/**
 * A limit on how long a call may take. When it is over, the signal that the call was given aborts,
 * so that its work ends, and the caller is told at once, also by a call that does not listen. An
 * answer's body belongs to the call, as with `AbortSignal.timeout`.
 */
import {
  type Call,
  type CallContext,
  type CallPolicy,
  type Cancel,
  type Checks,
  type Clock,
  clockCheck,
  type Component,
  defineComponent,
  durationMs,
  type Given,
  OptionError,
  ProblemError,
  resolveOptions,
  type Stats,
  systemClock,
} from '@org/core';

import { BodyKeeper, discard } from './bodies.ts';
import { LinkedAbort } from './linked-abort.ts';
import { nameCheck } from './options.ts';
import { started } from './started.ts';

/** What a time limit can be told. */
export interface TimeLimitOptions {
  /** Its name, among the components and for `explain()`. @default "time-limit" */
  readonly name: string;
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

export const TIME_LIMIT_DEFAULTS: Readonly<TimeLimitOptions> = Object.freeze<TimeLimitOptions>({
  name: 'time-limit',
  clock: systemClock,
});

const CHECKS: Checks<TimeLimitOptions> = Object.freeze<Checks<TimeLimitOptions>>({
  name: nameCheck,
  clock: clockCheck,
});

/** A limit on how long a call may take, as a policy. */
export interface TimeLimit extends Component, CallPolicy {
  readonly kind: 'timeout';
}

/**
 * Makes a time limit of `limitMs`. Calls that take longer reject with `ERR_TIME_LIMIT` (504).
 * @throws OptionError for a duration that no timer takes, and for unknown or wrong options
 */
export function timeLimit(limitMs: number, options?: Given<TimeLimitOptions>): TimeLimit {
  const { name, clock } = resolveOptions('timeLimit', TIME_LIMIT_DEFAULTS, CHECKS, options);
  const check = durationMs({ min: 1 });
  if (!check.accepts(limitMs)) {
    throw new OptionError('timeLimit', [
      `the limit must be ${check.expected}, but is ${String(limitMs)}.`,
    ]);
  }
  const limiter = new TimeLimiter(clock);
  let callsTotal = 0;
  return defineComponent(name, {
    name,
    kind: 'timeout' as const,
    run<T>(call: Call<T>, context: CallContext = {}): Promise<T> {
      callsTotal++;
      return limiter.run(call, context, limitMs);
    },
    stats: (): Stats => ({ callsTotal, timedOutTotal: limiter.timedOutTotal }),
  });
}

/** Makes calls that may take only so long. */
export class TimeLimiter {
  timedOutTotal: number = 0;
  readonly clock: Clock;
  private readonly bodies: BodyKeeper = new BodyKeeper();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  run<T>(call: Call<T>, context: CallContext, limitMs: number): Promise<T> {
    const { signal } = context;
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const deadlineMs = Math.min(
      this.clock.monotonicMs() + limitMs,
      context.deadlineMs ?? Number.POSITIVE_INFINITY,
    );
    return new Promise<T>((resolve, reject) => {
      const limited = new LimitedCall(this, limitMs, signal, reject);
      started(call, { ...context, signal: limited.signal, deadlineMs }).then(
        (result) => {
          if (limited.settle()) {
            this.bodies.releaseAfter(result, limited);
            resolve(result);
          } else {
            discard(result);
          }
        },
        (error: unknown) => {
          limited.settle();
          limited.release();
          reject(error);
        },
      );
    });
  }
}

/**
 * One call under way, and then its body. What it held of its caller it forgets when it settles:
 * it may live as long as the body, and must not keep it.
 */
class LimitedCall {
  private readonly limiter: TimeLimiter;
  private readonly limitMs: number;
  private readonly link: LinkedAbort;
  private readonly cancel: Cancel;
  private reject: ((reason: Error) => void) | undefined;

  constructor(
    limiter: TimeLimiter,
    limitMs: number,
    parent: AbortSignal | undefined,
    reject: (reason: Error) => void,
  ) {
    this.limiter = limiter;
    this.limitMs = limitMs;
    this.reject = reject;
    this.link = new LinkedAbort(parent);
    this.signal.addEventListener('abort', this);
    this.cancel = limiter.clock.after(limitMs, () => this.expire());
  }

  get signal(): AbortSignal {
    return this.link.signal;
  }

  /** Says whether nobody was told anything yet. */
  settle(): boolean {
    const first = this.reject !== undefined;
    this.reject = undefined;
    return first;
  }

  release(): void {
    this.cancel();
    this.link.release();
  }

  /** Its signal has aborted: the caller is not kept by a call that does not listen. @internal */
  handleEvent(): void {
    this.cancel();
    this.reject?.(this.signal.reason as Error);
    this.reject = undefined;
  }

  private expire(): void {
    if (this.reject !== undefined) this.limiter.timedOutTotal++;
    this.link.abort(tooLong(this.limitMs));
  }
}

function tooLong(limitMs: number): ProblemError {
  return new ProblemError({
    code: 'ERR_TIME_LIMIT',
    status: 504,
    detail: `The call took longer than the ${Math.ceil(limitMs)} ms that it may take.`,
  });
}

/** Of a call whose caller's deadline has passed before it was made. */
export function deadlinePassed(): ProblemError {
  return new ProblemError({
    code: 'ERR_TIME_LIMIT',
    status: 504,
    detail: 'The deadline had passed before the call was made.',
  });
}
