/** A call that succeeds at once, as nearly all do, with retries around it: all have three attempts. */
import { retry } from '@org/retry';
import { ExponentialBackoff, handleAll, retry as cockatielRetry } from 'cockatiel';
import pRetry from 'p-retry';
import type { Contestant, Contestants } from '../calls.ts';

const CALLS = 1000;
const call = (): Promise<number> => Promise.resolve(1);

const ours = retry();
const cockatiel = cockatielRetry(handleAll, { maxAttempts: 2, backoff: new ExponentialBackoff() });

export const contestants: Contestants = {
  bare: oneByOne(call),
  cockatiel: oneByOne(() => cockatiel.execute(call)),
  'p-retry': oneByOne(() => pRetry(call, { retries: 2 })),
  retry: oneByOne(() => ours.run(call)),
};

function oneByOne(make: () => Promise<number>): Contestant {
  return {
    calls: CALLS,
    async run() {
      for (let made = 0; made < CALLS; made++) await make();
    },
  };
}
