/** How the limiter is, in one line for the operator. */
import type { HealthReport } from '@org/core';

import type { Adaptive } from './adaptive.ts';
import type { RateLimitOptions } from './options.ts';
import type { StoreGuard } from './store-guard.ts';

/** What happens while the shared counters are away. */
const FAILING = Object.freeze({
  local: 'this process counts alone',
  open: 'nothing is limited',
  closed: 'every request is refused',
});

export function healthOf(
  { fail, distributed }: Readonly<RateLimitOptions>,
  guard: StoreGuard | undefined,
  adaptive: Adaptive | undefined,
): HealthReport {
  if (guard?.away === true) return warn(`the shared counters are away: ${FAILING[fail]}`);
  if (distributed === true && guard === undefined) {
    return warn('distributed, but without a store: this process counts alone');
  }
  if (adaptive !== undefined && adaptive.ratio < 1) {
    return warn(`limits are at ${Math.round(adaptive.ratio * 100)}%: ${adaptive.reason}`);
  }
  return { status: 'pass' };
}

function warn(detail: string): HealthReport {
  return { status: 'warn', detail };
}
