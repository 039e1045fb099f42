import { middlewareContract } from '@org/core/testing';
import { query, type QueryOptions } from '@org/query';
import { setup } from '@org/setup';

middlewareContract<Partial<QueryOptions>>('query', {
  factory: query,
  example: { slowAfterMs: 100 },
  setup,
});

test('says what is wrong with its options', () => {
  expect(() => query({ nPlusOne: 'panic' as never })).toThrow(
    'query: option "nPlusOne" must be one of "off", "warn", "throw", but is "panic".',
  );
  expect(() => query({ explainOn: {} as never })).toThrow('option "explainOn" must be');
  expect(() => query({ path: 'queries' })).toThrow('option "path" must be false, or a path');
});
