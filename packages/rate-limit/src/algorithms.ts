/** The ways of counting by name. */
import type { Clock } from '@org/core';

import type { Algorithm } from './algorithm.ts';
import { FixedWindow } from './fixed-window.ts';
import { Gcra } from './gcra.ts';
import type { AlgorithmName, PolicyOptions } from './policy-options.ts';
import { SlidingLog } from './sliding-log.ts';
import { TokenBucket } from './token-bucket.ts';

type Make = (options: PolicyOptions, clock: Clock | undefined) => Algorithm;

const ALGORITHMS: Readonly<Record<AlgorithmName, Make>> = Object.freeze<
  Record<AlgorithmName, Make>
>({
  fixed: ({ limit, windowMs }, clock) => new FixedWindow({ limit, windowMs, burst: limit }, clock),
  sliding: ({ limit, windowMs }) => new SlidingLog({ limit, windowMs, burst: limit }),
  'token-bucket': ({ limit, windowMs, burst = limit }) =>
    new TokenBucket({ limit, windowMs, burst }),
  gcra: ({ limit, windowMs, burst = Math.ceil(limit / 10) }) =>
    new Gcra({ limit, windowMs, burst }),
});

/** A new count for what a policy was told. @param clock where fixed windows lie, if processes must agree */
export function algorithmOf(options: PolicyOptions, clock?: Clock): Algorithm {
  return ALGORITHMS[options.algorithm](options, clock);
}
