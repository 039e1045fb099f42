/** How one service is made, and how long it lives. */

/**
 * `singleton`: one for the process. `scoped`: one for each scope, such as a request. `transient`:
 * a new one for each who needs it.
 */
export type Lifetime = 'singleton' | 'scoped' | 'transient';

/** One service as it was registered. */
export interface Recipe {
  readonly name: string;
  readonly lifetime: Lifetime;
  /** Names of the services that `make` is called with, in their order. */
  readonly needs: readonly string[];
  readonly make: (...needs: readonly never[]) => unknown;
  /** Frees an instance. Transient ones belong to those who asked for them, and have none. */
  readonly dispose: ((instance: never) => unknown) | undefined;
}

/** Recipes by the names of what they make. */
export type Recipes = ReadonlyMap<string, Recipe>;

/** The exchange of the scope's request: there without being registered. */
export const EXCHANGE_NAME = 'exchange';
