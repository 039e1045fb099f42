import type { Express } from 'express';
import { setup } from '@org/setup';
import { middlewareContract } from '@org/core/testing';

import { errors, type ErrorsOptions } from '@org/errors';

middlewareContract<Partial<ErrorsOptions>>('errors', {
  factory: errors,
  example: { expose: true, stack: true, validationStatus: 422 },
  setup: (app, made) => setup(app as Express, made),
});
