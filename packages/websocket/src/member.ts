/** Who is connected, as hooks of the application see it. */
import { inspect } from 'node:util';
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

/**
 * Whether somebody was found: whoever answers `false` or `null` means nobody, too.
 * @throws TypeError for an end that is no time: `exp * 1000` of a token without one would never come
 */
export function isIdentity(value: unknown): value is Identity {
  if (typeof value !== 'object' || value === null) return false;
  const { principal, expiresAt } = value as { readonly [K in keyof Identity]: unknown };
  if (expiresAt !== undefined && !Number.isFinite(expiresAt)) {
    throw new TypeError(
      `websocket: "expiresAt" of an identity is ${inspect(expiresAt)}; it must be a number of ms since the epoch, or absent.`,
    );
  }
  if (principal !== undefined && typeof principal !== 'string') {
    throw new TypeError(
      `websocket: "principal" of an identity is ${inspect(principal)}; it must be text, or absent.`,
    );
  }
  return true;
}

/** Whether credentials have ended already. */
export function hasExpired({ expiresAt }: Identity, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** One connection. Its id and its trace are those of the request that opened it. */
export interface Member extends Correlated {
  readonly principal: string | undefined;
  readonly expiresAt: number | undefined;
  readonly data: unknown;
  /** The client's network, as limits count it. */
  readonly address: string;
}
