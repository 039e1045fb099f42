/** A request's worth of loads, as a contestant. */
import type { Contestant } from '../calls.ts';

/** Loads of one request. */
export const LOADS = 50;

export function loading(
  make: () => { load(key: number): Promise<number> },
  keys: readonly number[],
): Contestant {
  return {
    calls: keys.length,
    async run() {
      const loader = make();
      await Promise.all(keys.map((key) => loader.load(key)));
    },
  };
}
