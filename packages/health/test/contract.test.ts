import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { health, type HealthOptions } from '@org/health';

middlewareContract<Partial<HealthOptions>>('health', {
  factory: health,
  example: { checks: { db: () => true }, path: '/probes', failAfter: 3 },
  setup,
});
