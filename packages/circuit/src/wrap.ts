/** A function with a breaker around each of its calls. */
import type { CallContext } from '@org/core';

import type { Guard } from './guard.ts';
import type { CircuitState } from './state.ts';

/** Answers in the place of a wrapped function, which was called with `args`. */
export type WrapFallback<F extends (...args: never[]) => Promise<unknown>> = (
  error: unknown,
  state: CircuitState,
  ...args: Parameters<F>
) => ReturnType<F> | Awaited<ReturnType<F>>;

/** The same function, called through the guard that `find` finds. */
export function wrapWith<F extends (...args: never[]) => Promise<unknown>>(
  find: () => Guard,
  fn: F,
  fallback: WrapFallback<F> | undefined,
): F {
  const wrapped = function (this: unknown, ...args: Parameters<F>): Promise<unknown> {
    return find().run(
      () => fn.apply(this, args),
      contextOf(args),
      // Without one of its own the circuit's holds.
      fallback === undefined ? undefined : (error, state) => fallback(error, state, ...args),
    );
  };
  Object.defineProperty(wrapped, 'name', { value: fn.name, configurable: true });
  Object.defineProperty(wrapped, 'length', { value: fn.length, configurable: true });
  return wrapped as unknown as F;
}

/** With the caller's signal, where it is an argument or a member of one: what aborts it is no failure. */
function contextOf(args: readonly unknown[]): CallContext | undefined {
  for (const arg of args) {
    if (typeof arg !== 'object' || arg === null) continue;
    const signal = arg instanceof AbortSignal ? arg : (arg as { signal?: unknown }).signal;
    if (signal instanceof AbortSignal) return { signal };
  }
  return undefined;
}
