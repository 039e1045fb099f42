/** The waits for next attempts: each ends in time, with its caller, or with the retry. */
import { type Cancel, type Clock, ProblemError } from '@org/core';

import { type AbortListener, listenTo } from './linked-abort.ts';

export class Waits {
  closed: boolean = false;
  private readonly clock: Clock;
  private readonly waiting: Set<Wait> = new Set();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Rejects with the signal's reason once that aborts, or with `ERR_RETRY_CLOSED`, caused by `cause`. */
  wait(delayMs: number, signal: AbortSignal | undefined, cause: unknown): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    if (this.closed) return Promise.reject(closed(cause));
    return new Promise<void>((resolve, reject) => {
      const wait: Wait = {
        reject,
        cause,
        cancel: this.clock.after(delayMs, () => {
          this.end(wait);
          resolve();
        }),
        signal,
        handleEvent: () => {
          this.end(wait);
          reject(signal!.reason as Error);
        },
      };
      if (signal !== undefined) listenTo(signal, wait);
      this.waiting.add(wait);
    });
  }

  close(): void {
    this.closed = true;
    for (const wait of this.waiting) {
      this.end(wait);
      wait.reject(closed(wait.cause));
    }
  }

  private end(wait: Wait): void {
    wait.cancel();
    wait.signal?.removeEventListener('abort', wait);
    this.waiting.delete(wait);
  }
}

interface Wait extends AbortListener {
  readonly reject: (reason: Error) => void;
  readonly cause: unknown;
  readonly cancel: Cancel;
  readonly signal: AbortSignal | undefined;
}

function closed(cause: unknown): ProblemError {
  return new ProblemError({
    code: 'ERR_RETRY_CLOSED',
    status: 503,
    detail: 'The service is closing: the call is not tried again.',
    cause,
  });
}
