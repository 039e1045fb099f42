import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { compression, type CompressionOptions } from '@org/compression';

middlewareContract<Partial<CompressionOptions>>('compression', {
  factory: compression,
  example: { thresholdBytes: 10 },
  setup,
});
