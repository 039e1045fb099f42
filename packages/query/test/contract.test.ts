import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { query, type QueryOptions } from '@org/query';

middlewareContract<Partial<QueryOptions>>('query', {
  factory: query,
  example: { headerName: 'X-Took-Ms' },
  setup,
});
