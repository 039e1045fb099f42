import { setup } from '@org/setup';
import { middlewareContract } from '@org/core/testing';

import { errors, type ErrorsOptions } from '@org/errors';

middlewareContract<Partial<ErrorsOptions>>('errors', {
  factory: errors,
  example: { expose: true, stack: true, validationStatus: 422 },
  setup,
});
