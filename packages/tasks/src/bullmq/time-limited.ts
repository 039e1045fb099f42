/** Calls to the server of jobs, in their time: nothing that is asked of it hangs. */
import type { Cancel, Clock } from '@org/core';

import { storageFailed } from '../refusals.ts';

/** Waits for a call, and no longer than it may take. @throws ProblemError `ERR_TASKS_STORAGE` */
export type Within = <T>(call: Promise<T> | undefined) => Promise<T>;

/** @param timeoutMs the longest that a call may take, in ms */
export function timeLimited(clock: Clock, timeoutMs: number): Within {
  return async <T>(call: Promise<T> | undefined): Promise<T> => {
    let cancel: Cancel | undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(timeoutMs, () =>
        reject(new Error(`there was no answer within ${timeoutMs} ms`)),
      );
    });
    try {
      return await Promise.race([call as Promise<T>, late]);
    } catch (error) {
      throw storageFailed(error);
    } finally {
      cancel?.();
    }
  };
}
