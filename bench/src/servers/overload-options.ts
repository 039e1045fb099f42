/** Our queue where the limit is known: that of the pool. All else is as it is by default. */
import type { QueueOptions } from '@org/queue';
import { SLOTS } from './work.ts';

export const FIXED: Partial<QueueOptions> = {
  maxConcurrent: SLOTS,
  priority: (req) => (req.headers['x-urgent'] === undefined ? 'normal' : 'high'),
};

/** And where it is not. */
export const UNTUNED: Partial<QueueOptions> = {
  limit: 'gradient',
  priority: FIXED.priority,
};
