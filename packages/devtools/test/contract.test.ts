import { middlewareContract } from '@org/core/testing';
import { devtools, type DevtoolsOptions } from '@org/devtools';
import { setup } from '@org/setup';

middlewareContract<Partial<DevtoolsOptions>>('devtools', {
  factory: devtools,
  example: { maxExchanges: 10 },
  setup: (app, parts) => setup(app, parts, { allowHeavy: true }),
});
