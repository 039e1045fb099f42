/** Who is connected, as hooks of the application see it. */
import type { Correlated } from '@org/core';

/** Who somebody is, as `authenticate` finds it out. */
export interface Identity {
  /** Name of the user or service; absent for somebody unknown who may connect all the same. */
  readonly principal?: string | undefined;
  /** When the credentials end, in ms since the epoch. @default they do not */
  readonly expiresAt?: number | undefined;
  /** Anything that later decisions need, such as roles. */
  readonly data?: unknown;
}

/** Whether somebody was found: whoever answers `false` or `null` means nobody, too. */
export function isIdentity(value: unknown): value is Identity {
  return typeof value === 'object' && value !== null;
}

/** One connection. Its id and its trace are those of the request that opened it. */
export interface Member extends Correlated {
  readonly principal: string | undefined;
  readonly expiresAt: number | undefined;
  readonly data: unknown;
  /** The client's network, as limits count it. */
  readonly address: string;
}
