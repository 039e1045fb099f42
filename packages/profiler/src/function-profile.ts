/**
 * Functions and spans by name: how often they ran, failed, and how long they took, with and
 * without what they called.
 *
 * Who called whom is known from the stack while code runs synchronously. Behind an `await` only
 * an AsyncLocalStorage knows, which makes every await of the process dearer on Node 20: there is
 * none until something asynchronous is profiled.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect, types } from 'node:util';
import type { Clock } from '@org/core';

import { Account, Invocation, underWay } from './invocation.ts';

/** What is known of one name. */
export interface FunctionStats {
  readonly name: string;
  /** Calls that have ended. */
  readonly calls: number;
  /** Those that threw or rejected. */
  readonly failures: number;
  /** Time in which nothing profiled that they called was under way, waiting included, in ms. */
  readonly selfMs: number;
  /** Time from beginning to end, in ms; a call within a call of the same name counts once. */
  readonly totalMs: number;
}

/** A span that is ended by hand. */
export interface OpenSpan {
  /** Ends it; only the first call counts. */
  end(failed?: boolean): void;
}

/** Any function. */
export type AnyFunction = (...args: never[]) => unknown;

/** Where calls are counted whose name is one too many. */
export const OTHER_FUNCTIONS = '(others)';

export class FunctionProfile {
  /** Calls of names that found no place. */
  overflowedTotal: number = 0;
  private readonly accounts = new Map<string, Account>();
  private readonly others = new Account(OTHER_FUNCTIONS, false);
  private readonly maxFunctions: number;
  private readonly clock: Clock;
  private storage: AsyncLocalStorage<Invocation> | undefined = undefined;
  private current: Invocation | undefined = undefined;
  private closed: boolean = false;

  constructor(maxFunctions: number, clock: Clock) {
    this.maxFunctions = maxFunctions;
    this.clock = clock;
  }

  /**
   * The same function, profiled: it keeps `this`, arguments, result, name and length. A promise
   * comes back as another of the same outcome, a generator's steps are timed one by one.
   * @throws TypeError for what is no function, and for a class, which cannot be called
   */
  wrap<F extends AnyFunction>(fn: F, name?: string): F {
    if (typeof fn !== 'function') {
      throw new TypeError(`profiler.profile takes a function, but was given ${inspect(fn)}.`);
    }
    if (CLASS.test(Function.prototype.toString.call(fn))) {
      throw new TypeError(
        `profiler.profile takes a function, but ${fn.name} is a class: profile its methods instead.`,
      );
    }
    const known = name ?? (fn.name || '(anonymous)');
    const account = this.accountOf(known, types.isAsyncFunction(fn));
    const generates = types.isGeneratorFunction(fn);
    // oxlint-disable-next-line typescript/no-this-alias
    const profile = this;
    const wrapped = function (this: unknown, ...args: unknown[]): unknown {
      const result = profile.call(account, fn, this, args, true);
      return generates ? profile.steps(account, result as Steps) : result;
    };
    for (const key of ['name', 'length'] as const) {
      Object.defineProperty(wrapped, key, { value: fn[key], configurable: true });
    }
    return wrapped as unknown as F;
  }

  /** Runs `work` under a name. */
  span<T>(name: string, work: () => T): T {
    return this.call(this.accountOf(name, false), work, undefined, [], true) as T;
  }

  /** Begins a span that somebody ends: nobody knows what runs in it, and all its time is its own. */
  open(name: string): OpenSpan {
    const account = this.accountOf(name, false);
    const invocation = new Invocation(account, this.caller(), this.clock.monotonicMs());
    return {
      end: (failed = false) => {
        if (!invocation.ended) this.end(account, invocation, failed, true);
      },
    };
  }

  /** All names, those first that took the most time of their own. */
  stats(): FunctionStats[] {
    const used = [...this.accounts.values(), this.others].filter(({ calls }) => calls > 0);
    return used
      .map(({ name, calls, failures, selfMs, totalMs }) => ({
        name,
        calls,
        failures,
        selfMs,
        totalMs,
      }))
      .toSorted((one, other) => other.selfMs - one.selfMs);
  }

  /** From here on everything runs as if it were not profiled. */
  close(): void {
    this.closed = true;
    this.storage?.disable();
    this.storage = undefined;
  }

  private call(
    account: Account,
    fn: AnyFunction,
    self: unknown,
    args: unknown[],
    counted: boolean,
  ): unknown {
    if (this.closed) return Reflect.apply(fn, self, args);
    const outer = this.current;
    const invocation = new Invocation(account, this.caller(), this.clock.monotonicMs());
    this.current = invocation;
    let result: unknown;
    try {
      result = account.waits
        ? this.carrier().run(invocation, Reflect.apply, fn, self, args)
        : Reflect.apply(fn, self, args);
    } catch (error) {
      this.current = outer;
      this.end(account, invocation, true, counted);
      throw error;
    }
    this.current = outer;
    if (!types.isPromise(result)) {
      this.end(account, invocation, false, counted);
      return result;
    }
    account.waits = true;
    // The caller gets this promise and no other: a rejection that nobody handles stays one.
    return result.then(
      (value) => {
        this.end(account, invocation, false, counted);
        return value;
      },
      (error: unknown) => {
        this.end(account, invocation, true, counted);
        throw error;
      },
    );
  }

  /** An iterator over the same, whose steps are timed. */
  private steps(account: Account, iterator: Steps): Steps {
    const timed = Object.create(Object.getPrototypeOf(iterator) as object) as Steps;
    for (const name of ['next', 'return', 'throw'] as const) {
      const value = (...args: unknown[]): unknown =>
        this.call(account, iterator[name], iterator, args, false);
      Object.defineProperty(timed, name, { value, configurable: true, writable: true });
    }
    return timed;
  }

  private end(account: Account, invocation: Invocation, failed: boolean, counted: boolean): void {
    invocation.end(this.clock.monotonicMs(), failed, counted);
    if (counted && account === this.others) this.overflowedTotal++;
  }

  /** Who makes the call that begins now. */
  private caller(): Invocation | undefined {
    return this.current ?? underWay(this.storage?.getStore());
  }

  private carrier(): AsyncLocalStorage<Invocation> {
    return (this.storage ??= new AsyncLocalStorage());
  }

  private accountOf(name: string, waits: boolean): Account {
    let account = this.accounts.get(name);
    if (account === undefined) {
      if (this.accounts.size >= this.maxFunctions) return this.others;
      account = new Account(name, waits);
      this.accounts.set(name, account);
    }
    if (waits) account.waits = true;
    return account;
  }
}

/** The methods of a generator, synchronous or not. */
type Steps = Record<'next' | 'return' | 'throw', AnyFunction>;

const CLASS = /^class\b/;
