import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { dedup, type DedupOptions } from '@org/dedup';

middlewareContract<Partial<DedupOptions>>('dedup', {
  factory: dedup,
  example: { headerName: 'X-Took-Ms' },
  setup,
});
