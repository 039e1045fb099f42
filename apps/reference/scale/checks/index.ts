/** All checks, in their order: what is counted at the end is asked for at the beginning. */
import type { Check } from '../check.ts';
import { analytics, toBeCounted } from './analytics.ts';
import { duplicates } from './duplicates.ts';
import { invalidation } from './invalidation.ts';
import { jobs, jobsOfTheDead } from './jobs.ts';
import { limit } from './limit.ts';
import { rollingRestart } from './rolling-restart.ts';
import { sharedState } from './shared-state.ts';
import { sockets } from './sockets.ts';

export const CHECKS: Readonly<Record<string, Check>> = Object.freeze({
  'requests to be counted': toBeCounted,
  'rate limit': limit,
  duplicates,
  invalidation,
  jobs,
  sockets,
  'shared state': sharedState,
  'rolling restart': rollingRestart,
  analytics,
  // A killed process takes what it has not told yet with it: it comes last.
  'jobs of a killed process': jobsOfTheDead,
});
