/**
 * Carries what a request is known by to where its work goes on: a job, a message on a socket,
 * another process. Correlation is one; whoever takes work over looks for one among its
 * neighbours, and works without where there is none.
 */
import { type Component, isComponent } from './component.ts';
import type { TraceContext } from './trace-context.ts';

/** Anything that has a name and a place in a trace: an exchange, or a job that one has begun. */
export interface Correlated {
  /** The request's id. */
  readonly id: string;
  /** Absent where traces are switched off. */
  readonly trace: TraceContext | undefined;
}

/** Writes a correlation into what is sent, and reads it where it arrives. */
export interface Propagator {
  /** Whether async code is followed: without it `run` throws and `current` knows nobody. */
  readonly carries: boolean;
  /** Whom the running code works for, where that is known. */
  current(): Correlated | undefined;
  /** Writes the correlation of `from`, or of the running code, into a plain object of text, and answers it. */
  inject<C extends Record<string, unknown>>(carrier: C, from?: Correlated): C;
  /** Reads a carrier; what is missing in it begins anew. Never throws. */
  extract(carrier: Record<string, unknown> | undefined): Correlated;
  /** Runs `task` so that all it awaits knows whom it works for. @throws Error where `carries` is false */
  run<T>(correlated: Correlated, task: () => T): T;
}

/** Whether `value` is a component that carries correlations, whichever copy of core made it. */
export function isPropagator(value: unknown): value is Component & Propagator {
  if (!isComponent(value)) return false;
  const { current, inject, extract, run } = value as Partial<Propagator>;
  return [current, inject, extract, run].every((ability) => typeof ability === 'function');
}
