/**
 * What was thrown, as something that has a message. JavaScript throws anything:
 * strings, numbers, nothing at all. Observers and mappers shall meet errors only.
 */
import { isNativeError } from 'node:util/types';

/** Stands for a thrown value that is no error; the value is its `cause`. */
export class NonErrorThrown extends Error {
  readonly code: 'ERR_NON_ERROR_THROWN' = 'ERR_NON_ERROR_THROWN';

  constructor(value: unknown) {
    super(`A handler threw ${describe(value)} instead of an Error.`, { cause: value });
    this.name = 'NonErrorThrown';
  }
}

/** The members that errors of the field carry; any may be absent or of another type. */
export interface ErrorLike {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly stack?: unknown;
  readonly cause?: unknown;
  readonly [member: string]: unknown;
}

/** The thrown value itself where it is an error, or an object that speaks like one; otherwise an error about it. */
export function asError(thrown: unknown): ErrorLike {
  // An error may come from another realm (a vm, a test runner), where instanceof says no.
  if (thrown instanceof Error || isNativeError(thrown)) return thrown as unknown as ErrorLike;
  try {
    if (typeof thrown === 'object' && thrown !== null) {
      const like = thrown as ErrorLike;
      if (typeof like.message === 'string') return like;
      if (typeof like.status === 'number' || typeof like.statusCode === 'number') return like;
    }
    return new NonErrorThrown(thrown) as unknown as ErrorLike;
  } catch {
    // A getter, a proxy or a toString of the thrown value threw in turn.
    return new NonErrorThrown('an object that cannot be read') as unknown as ErrorLike;
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 200));
  if (typeof value === 'object' && value !== null)
    return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
