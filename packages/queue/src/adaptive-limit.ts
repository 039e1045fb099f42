/** What all limits that move have in common: where they begin, and how far they may go. */
import { OptionError } from '@org/core';

export interface AdaptiveLimitOptions {
  /** Where it begins. @default 20 */
  readonly initialLimit: number;
  /** The least it falls to. */
  readonly minLimit: number;
  /** The most it grows to. @default 1000 */
  readonly maxLimit: number;
}

/** @throws OptionError for bounds that leave no room */
export function checkBounds(owner: string, options: AdaptiveLimitOptions): void {
  const { initialLimit, minLimit, maxLimit } = options;
  if (minLimit <= initialLimit && initialLimit <= maxLimit) return;
  throw new OptionError(owner, [
    `options must keep minLimit ≤ initialLimit ≤ maxLimit, but they are ${minLimit}, ${initialLimit} and ${maxLimit}.`,
  ]);
}
