import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { profiler, type ProfilerOptions } from '@org/profiler';

middlewareContract<Partial<ProfilerOptions>>('profiler', {
  factory: profiler,
  example: { stallMs: 100, maxCaptures: 3, access: 'a-token-of-some-length' },
  setup,
});
