/** The limit that the options name. */
import { aimdLimit } from './aimd-limit.ts';
import { fixedLimit } from './fixed-limit.ts';
import { gradientLimit } from './gradient-limit.ts';
import type { Limit } from './limit.ts';
import type { QueueOptions } from './options.ts';
import { vegasLimit } from './vegas-limit.ts';

/** Where an adaptive limit begins, unless that is more than it may become. */
const INITIAL_LIMIT = 20;

export function limitOf({ limit, maxConcurrent, random }: Readonly<QueueOptions>): Limit {
  const bounds = {
    initialLimit: Math.min(INITIAL_LIMIT, maxConcurrent),
    minLimit: Math.min(2, maxConcurrent),
    maxLimit: maxConcurrent,
  };
  switch (limit) {
    case 'fixed':
      return fixedLimit(maxConcurrent);
    case 'aimd':
      return aimdLimit(bounds);
    case 'vegas':
      return vegasLimit({ ...bounds, random });
    case 'gradient':
      return gradientLimit(bounds);
    default:
      return limit;
  }
}
