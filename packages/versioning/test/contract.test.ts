import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { versioning, type VersioningOptions } from '@org/versioning';

middlewareContract<Partial<VersioningOptions>>('versioning', {
  factory: versioning,
  example: { headerName: 'X-Took-Ms' },
  setup,
});
