/** How long an end may take. */
import type { Clock } from '@org/core';

/** A signal that aborts with another one, or when a time is over. */
export interface TimeLimit {
  readonly signal: AbortSignal;
  /** Leaves no timer and no listener. */
  end(): void;
}

export function timeLimit(
  clock: Clock,
  limitMs: number,
  signal: AbortSignal | undefined,
): TimeLimit {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const cancel = clock.after(limitMs, abort);
  if (signal?.aborted === true) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    end() {
      cancel();
      signal?.removeEventListener('abort', abort);
    },
  };
}
