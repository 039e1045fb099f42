/** Something that may take only so long. */
import type { Clock } from '@org/core';

/** What becomes of it when it takes longer. */
export interface Late<T> {
  /** Makes the error of whoever waits. */
  error(): Error;
  /** Takes what comes after all. */
  late?(value: T): void;
}

/** Rejects when `promise` has not settled after `timeoutMs`; what it brings later goes to `late`. */
export function within<T>(
  clock: Clock,
  timeoutMs: number,
  promise: Promise<T>,
  { error, late }: Late<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    const cancel = clock.after(timeoutMs, () => {
      over = true;
      reject(error());
    });
    promise.then(
      (value) => {
        cancel();
        if (over) late?.(value);
        else resolve(value);
      },
      (reason: unknown) => {
        cancel();
        reject(reason);
      },
    );
  });
}
