import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { versioning, type VersioningOptions } from '@org/versioning';

middlewareContract<Partial<VersioningOptions>>('versioning', {
  factory: (options) => versioning(options as VersioningOptions),
  required: () => ({ versions: [1, 2] }),
  example: { versions: [1, 2], headerName: 'X-Version' },
  setup,
});
