/**
 * What a call's last error tells of the attempts before it. The error is the call's own, as the
 * caller knows it, so that `catch` and error handlers need no other case for calls that were
 * repeated.
 */
import type { GiveUp } from './events.ts';

/** What stands on the error of a call that was, or might have been, tried again. */
export interface FailedAttempts {
  /** How many attempts were made. */
  readonly attempts: number;
  /** Why there was no further one; absent where none would have helped. */
  readonly gaveUp: GiveUp | undefined;
  /** What the attempts before the last came to: errors, or statuses of answers. */
  readonly reasons: readonly unknown[];
}

/** Says it on the error, if it is one that takes it. */
export function annotate(
  error: unknown,
  attempts: number,
  gaveUp: GiveUp | undefined,
  reasons: readonly unknown[],
): void {
  if (typeof error !== 'object' || error === null || !Object.isExtensible(error)) return;
  const told: FailedAttempts = { attempts, gaveUp, reasons };
  for (const [name, value] of Object.entries(told)) {
    // Logs show how often; what came before is for those who ask, and may be long.
    const enumerable = name !== 'reasons' && value !== undefined;
    Object.defineProperty(error, name, { value, enumerable, configurable: true, writable: true });
  }
}

/** What an error tells of the attempts; nothing where there was one, and no more to be said. */
export function failedAttempts(error: unknown): FailedAttempts | undefined {
  if (typeof error !== 'object' || error === null || !('attempts' in error)) return undefined;
  const { attempts, gaveUp, reasons } = error as FailedAttempts;
  return Array.isArray(reasons) ? { attempts, gaveUp, reasons } : undefined;
}
