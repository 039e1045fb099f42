import { middlewareContract } from '@org/core/testing';
import { openapi, type OpenapiOptions } from '@org/openapi';
import { setup } from '@org/setup';

middlewareContract<Partial<OpenapiOptions>>('openapi', {
  factory: openapi,
  example: { info: { title: 'Places' }, public: true, docsPath: '/reference' },
  setup,
});
