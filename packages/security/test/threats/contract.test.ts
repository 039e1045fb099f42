import { middlewareContract } from '@org/core/testing';
import { threats, type ThreatsOptions } from '@org/security';
import { setup } from '@org/setup';

middlewareContract<Partial<ThreatsOptions>>('security:threats', {
  factory: threats,
  example: { strictness: 3, routes: { '/a': { mode: 'detect' } } },
  setup,
});
