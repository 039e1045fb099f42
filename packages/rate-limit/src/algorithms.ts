/** The ways of counting by name. */
import type { Algorithm } from './algorithm.ts';
import { FixedWindow } from './fixed-window.ts';
import { Gcra } from './gcra.ts';
import type { PolicyOptions } from './policy-options.ts';
import { SlidingLog } from './sliding-log.ts';
import { TokenBucket } from './token-bucket.ts';

/** A new count for what a policy was told. */
export function algorithmOf({ algorithm, limit, windowMs, burst }: PolicyOptions): Algorithm {
  switch (algorithm) {
    case 'fixed':
      return new FixedWindow({ limit, windowMs, burst: limit });
    case 'sliding':
      return new SlidingLog({ limit, windowMs, burst: limit });
    case 'token-bucket':
      return new TokenBucket({ limit, windowMs, burst: burst ?? limit });
    case 'gcra':
      return new Gcra({ limit, windowMs, burst: burst ?? Math.ceil(limit / 10) });
  }
}
