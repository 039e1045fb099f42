/** A decision as callers see it who ask without a request. */
import type { Outcome } from './limiter.ts';
import { PROBE_MS } from './store-guard.ts';
import type { Visit } from './visit.ts';

/** How a key stands with one policy. */
export interface PolicyVerdict {
  readonly policy: string;
  /** Units in a window, as they hold now. */
  readonly limit: number;
  readonly remaining: number;
  /** How long until there is more, in ms. */
  readonly resetMs: number;
  /** There was not enough. */
  readonly violated: boolean;
}

/** What the limiter says. */
export interface Verdict {
  /** Whether all policies have enough, those in shadow aside. */
  readonly allowed: boolean;
  /** How long until they have, or the shared counters are tried again, in ms; 0 where it is allowed. */
  readonly retryAfterMs: number;
  /** It was made without the shared counters. */
  readonly degraded: boolean;
  readonly policies: readonly PolicyVerdict[];
}

export function verdictOf(visit: Visit, outcome: Outcome): Verdict {
  const allowed = outcome === 'allowed';
  const waitMs = outcome === 'unavailable' ? PROBE_MS : visit.waitMs;
  return {
    allowed,
    retryAfterMs: allowed ? 0 : waitMs,
    degraded: visit.degraded,
    policies: visit.standings.map(({ policy, remaining, resetMs, violated }) => ({
      policy: policy.name,
      limit: policy.algorithm.limit,
      remaining: Math.max(0, remaining),
      resetMs,
      violated,
    })),
  };
}
