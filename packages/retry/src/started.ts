/** A call that has been made. */
import type { Call, CallContext } from '@org/core';

/** Makes a call; one that throws before it has a promise is one that rejects. */
export function started<T>(call: Call<T>, context: CallContext): Promise<T> {
  try {
    return call(context);
  } catch (error) {
    return Promise.reject(error);
  }
}
