import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { transform, type TransformOptions } from '@org/transform';

middlewareContract<Partial<TransformOptions>>('transform', {
  factory: transform,
  example: { maxDepth: 10 },
  setup,
});
