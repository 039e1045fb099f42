import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { analytics, type AnalyticsOptions } from '@org/analytics';

middlewareContract<Partial<AnalyticsOptions>>('analytics', {
  factory: analytics,
  example: { flushMs: 5000, smallestGroup: 3 },
  setup,
});
