import { middlewareContract } from '@org/core/testing';
import { metrics, type MetricsOptions } from '@org/metrics';
import { setup } from '@org/setup';

middlewareContract<Partial<MetricsOptions>>('metrics', {
  factory: metrics,
  example: { bucketsMs: Object.freeze([1, 10, 100]) },
  setup,
});
