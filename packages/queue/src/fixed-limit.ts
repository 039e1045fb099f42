/** A limit that stays: for a service whose capacity is known, such as the size of its pool. */
import { integer, OptionError } from '@org/core';

import type { Limit } from './limit.ts';

const WHOLE = integer({ min: 1 });

/** @throws OptionError for a limit that is not a whole number from 1 */
export function fixedLimit(limit: number): Limit {
  if (!WHOLE.accepts(limit)) {
    throw new OptionError('fixedLimit', [
      `the limit must be ${WHOLE.expected}, but is ${String(limit)}.`,
    ]);
  }
  return Object.freeze({ limit });
}
