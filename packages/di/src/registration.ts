/** How one service is made, and how long it lives. */
import type { Exchange } from '@org/core';

/**
 * `singleton`: one for the process. `scoped`: one for each scope, such as a request. `transient`:
 * a new one for each who needs it.
 */
export type Lifetime = 'singleton' | 'scoped' | 'transient';

/** One service as it was registered. */
export interface Registration {
  readonly name: string;
  readonly lifetime: Lifetime;
  /** Names of the services that `make` is called with, in their order. */
  readonly needs: readonly string[];
  readonly make: (...needs: readonly never[]) => unknown;
  /** Frees an instance. Transient ones belong to those who asked for them, and have none. */
  readonly dispose: ((instance: never) => unknown) | undefined;
}

/** Registrations by the names of what they make. */
export type Registrations = ReadonlyMap<string, Registration>;

/** What only scopes have, without being registered. */
export interface OfEveryScope {
  /** The request's; a scope that was made without one, such as a job's, has none. */
  readonly exchange: Exchange;
}

/** The name of that one. */
export const EXCHANGE_NAME: keyof OfEveryScope = 'exchange';

/** Something that is there already, and stays its owner's. */
export function valueOf(name: string, value: unknown): Registration {
  return { name, lifetime: 'singleton', needs: [], make: () => value, dispose: undefined };
}

/** Whether it has to be awaited; a service never is of that kind, it is what comes of it. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}
