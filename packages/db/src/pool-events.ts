/** What a watched pool tells: who keeps a connection, and that it came back. */
import type { Exchange } from '@org/core';

/** `held`: its request lives, or is not known. `orphaned`: its request has ended. */
export type LeakKind = 'held' | 'orphaned';

/** A connection that somebody has had for too long. */
export interface Leak {
  readonly [name: string]: string | number | boolean | undefined;
  readonly kind: LeakKind;
  readonly method: string | undefined;
  readonly route: string | undefined;
  readonly requestId: string | undefined;
  /** The app's line that took it, or that last used it; not always known. */
  readonly line: string | undefined;
  /** The last statement, without its values. */
  readonly query: string | undefined;
  /** Since when somebody has it, in ms. */
  readonly heldMs: number;
  /** Since when it has been asked nothing, in ms, to the second. */
  readonly quietMs: number;
  /** A statement runs on it. */
  readonly running: boolean;
}

/** What a watched pool tells as it happens. */
export type PoolEvent =
  | {
      /** `leak`: somebody has one for too long. `returned`: it came back late. `destroyed`: it was taken away. */
      readonly type: 'leak' | 'returned' | 'destroyed';
      readonly leak: Leak;
      readonly exchange: Exchange | undefined;
    }
  | { readonly type: 'idle-error'; readonly error: unknown };

/** Name of the diagnostics channel; messages are `PoolEvent`s. */
export const POOL_CHANNEL = '@org/db:pool';
