/**
 * A call that succeeds, through a closed circuit that would open at an error rate of one half over
 * ten seconds; one after the other, as a handler awaits them.
 */
import { circuit } from '@org/circuit';
import { circuitBreaker, handleAll, SamplingBreaker } from 'cockatiel';
import CircuitBreaker from 'opossum';
import type { Contestant, Contestants } from '../calls.ts';

const CALLS = 1000;

const call = async (): Promise<number> => 1;

const ours = circuit();
const cockatiel = circuitBreaker(handleAll, {
  halfOpenAfter: 5000,
  breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000 }),
});
const opossum = new CircuitBreaker(call, {
  // Its time limits are another job, and cost a timer for each call.
  timeout: false,
  errorThresholdPercentage: 50,
  rollingCountTimeout: 10_000,
  resetTimeout: 5000,
});

export const contestants: Contestants = {
  plain: calling(call),
  opossum: calling(() => opossum.fire()),
  cockatiel: calling(() => cockatiel.execute(call)),
  circuit: calling(() => ours.run(call)),
};

function calling(once: () => Promise<number>): Contestant {
  return {
    calls: CALLS,
    async run() {
      for (let made = 0; made < CALLS; made++) await once();
    },
  };
}
