import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { queue, type QueueOptions } from '@org/queue';

middlewareContract<Partial<QueueOptions>>('queue', {
  factory: queue,
  example: { maxConcurrent: 10, limit: 'gradient' },
  setup,
});
